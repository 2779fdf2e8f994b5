#' Run a script's `main`; an error is one line on stderr and exit status 1.
run <- function(main) {
  tryCatch(main(), error = function(error) {
    text <- strsplit(conditionMessage(error), "\n", fixed = TRUE)[[1]][1]
    message("error: ", text)
    quit(save = "no", status = 1)
  })
  invisible()
}
