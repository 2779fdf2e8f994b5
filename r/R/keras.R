#' Import Keras from the project's own environment, set up for repeatable results.
#'
#' @param seed The seed of all random numbers.
#' @return The Python module keras.
use_keras <- function(seed) {
  Sys.setenv(
    RETICULATE_PYTHON = Sys.getenv("RETICULATE_PYTHON", ".venv/bin/python"),
    KERAS_BACKEND = "tensorflow",
    KERAS_HOME = "/dev/null",
    TF_CPP_MIN_LOG_LEVEL = "3",
    TF_ENABLE_ONEDNN_OPTS = "1"
  )
  if (!file.exists(Sys.getenv("RETICULATE_PYTHON"))) {
    stop(Sys.getenv("RETICULATE_PYTHON"), ": not found; run `make` once", call. = FALSE)
  }
  tensorflow <- without_stderr(reticulate::import("tensorflow", convert = FALSE))
  keras <- reticulate::import("keras", convert = FALSE)
  keras$utils$set_random_seed(as.integer(seed))
  tensorflow$config$experimental$enable_op_determinism()
  keras
}

#' Evaluate an expression with stderr closed: TensorFlow writes there while it is imported.
without_stderr <- function(expression) {
  os <- reticulate::import("os", convert = FALSE)
  stderr <- os$dup(2L)
  nowhere <- os$open(os$devnull, os$O_WRONLY)
  os$dup2(nowhere, 2L)
  on.exit({
    os$dup2(stderr, 2L)
    os$close(stderr)
    os$close(nowhere)
  })
  force(expression)
}
