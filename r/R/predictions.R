#' Make the predictions table, in the columns of plots/predictions_*.csv.
#'
#' @param probabilities A matrix of class probabilities, one row per image.
#' @param labels The labels of the images, from 0.
#' @param classes The names of the classes.
#' @return A data frame with one row per image.
predictions_table <- function(probabilities, labels, classes) {
  data.frame(
    actual = classes[labels + 1],
    predicted = classes[max.col(probabilities, ties.method = "first")],
    probability = apply(probabilities, 1, max),
    actual_probability = probabilities[cbind(seq_along(labels), labels + 1)]
  )
}

#' Write a predictions table as the other models' are written: four digits, no quotes.
#'
#' @param table A table, as `predictions_table` returns it.
#' @param path The path of the CSV file.
write_predictions <- function(table, path) {
  table$probability <- format_decimals(table$probability)
  table$actual_probability <- sprintf("%.4g", table$actual_probability)
  write_table(table, path)
}

#' Format numbers with at most four decimals and at least one, such as 0.93 and 1.0.
format_decimals <- function(values) {
  text <- sub("0+$", "", sprintf("%.4f", values))
  ifelse(endsWith(text, "."), paste0(text, "0"), text)
}

#' Write a data frame as CSV.
write_table <- function(table, path) {
  write_whole(path, function(partial) {
    utils::write.csv(table, partial, row.names = FALSE, quote = FALSE)
  })
}
