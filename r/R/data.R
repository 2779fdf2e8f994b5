#' Load a split that the root pipeline wrote.
#'
#' @param name The name of the split: train, validation or test.
#' @param folder The folder of all splits.
#' @return A list of two NumPy arrays: images, float32 (n, 28, 28, 1), and labels, uint8 (n).
load_split <- function(name, folder = "data") {
  numpy <- reticulate::import("numpy", convert = FALSE)
  path <- file.path(folder, name, c("images.npy", "labels.npy"))
  missing <- path[!file.exists(path)]
  if (length(missing)) {
    stop(missing[1], ": not found; make it with `dvc repro normalize`", call. = FALSE)
  }
  list(images = numpy$load(path[1]), labels = numpy$load(path[2]))
}

#' The names of the classes, in the order of the labels.
CLASS_NAMES <- c(
  "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
  "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"
)
