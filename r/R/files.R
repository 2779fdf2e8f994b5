#' Write a file that appears whole or not at all; its folder is made if it is missing.
#'
#' @param path The path of the file.
#' @param write A function of the path that it writes to.
write_whole <- function(path, write) {
  dir.create(dirname(path), showWarnings = FALSE, recursive = TRUE)
  partial <- file.path(dirname(path), paste0(".partial-", basename(path)))
  write(partial)
  file.rename(partial, path)
  invisible(path)
}
