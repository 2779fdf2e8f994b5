#' Load a split that the root pipeline wrote.
#'
#' @param name The name of the split: train, validation or test.
#' @param folder The folder of all splits.
#' @return A list of two NumPy arrays: images, float32 (n, side, side, channels), and labels,
#'   uint8 (n).
load_split <- function(name, folder = "data") {
  numpy <- reticulate::import("numpy", convert = FALSE)
  path <- file.path(folder, name, c("images.npy", "labels.npy"))
  missing <- path[!file.exists(path)]
  if (length(missing)) {
    stop(missing[1], ": not found; make it with `dvc repro normalize`", call. = FALSE)
  }
  known <- load_spec(file.path(folder, "dataset.json"))$md5
  damaged <- path[tools::md5sum(path) != unlist(known[file.path(name, basename(path))])]
  if (length(damaged)) {
    stop(
      damaged[1], ": damaged; make it again with `dvc repro --force --single-item normalize`",
      call. = FALSE
    )
  }
  list(images = numpy$load(path[1]), labels = numpy$load(path[2]))
}

#' Load the description of the images, which the root pipeline wrote.
#'
#' @param path The JSON file.
#' @return A list: classes, names in the order of the labels; side, in pixels; channels; and more.
load_spec <- function(path = "data/dataset.json") {
  if (!file.exists(path)) {
    stop(path, ": not found; make it with `dvc repro normalize`", call. = FALSE)
  }
  json <- reticulate::import("json")
  json$loads(paste(readLines(path, encoding = "UTF-8"), collapse = "\n"))
}
