classes <- c("T-shirt/top", "Trouser", "Pullover", 4:10)
probabilities <- rbind(c(0.1, 0.7, 0.2, rep(0, 7)), c(0.99996, 0.00004, rep(0, 8)))

test_that("the table is in the order of the images, with class names", {
  table <- predictions_table(probabilities, c(1, 2), classes)
  expect_equal(table$actual, c("Trouser", "Pullover"))
  expect_equal(table$predicted, c("Trouser", "T-shirt/top"))
  expect_equal(table$actual_probability, c(0.7, 0))
})

test_that("the file has the format of the other models' files", {
  path <- file.path(tempdir(), "predictions.csv")
  write_predictions(predictions_table(probabilities, c(1, 1), classes), path)
  expect_equal(readLines(path), c(
    "actual,predicted,probability,actual_probability",
    "Trouser,Trouser,0.7,0.7",
    "Trouser,T-shirt/top,1.0,4e-05"
  ))
  expect_equal(list.files(tempdir(), pattern = "partial", all.files = TRUE), character())
})
