# Arrays between R and NumPy.
#
# Recent releases of reticulate convert arrays by themselves. Old ones, such as Debian 12's 1.28, do
# not know NumPy 2. These functions step aside where reticulate converts, and pass raw bytes where
# it does not. R stores arrays column by column, NumPy row by row.

#' Convert a NumPy array to an R array.
#'
#' @param array A NumPy array of numbers, as a Python object.
#' @return A numeric array of the same shape.
array_from_numpy <- function(array) {
  converted <- reticulate::py_to_r(array)
  if (is.numeric(converted)) {
    return(array(as.numeric(converted), dim_of(array)))
  }
  numpy <- reticulate::import("numpy", convert = FALSE)
  float64 <- numpy$ascontiguousarray(array, dtype = "float64")
  builtins <- reticulate::import_builtins(convert = FALSE)
  bytes <- reticulate::py_to_r(builtins$bytearray(float64$tobytes()))
  shape <- dim_of(array)
  values <- readBin(bytes, "double", n = prod(shape))
  aperm(array(values, rev(shape)))
}

#' Convert an R array to a NumPy array.
#'
#' @param values A numeric vector, matrix or array.
#' @param dtype The type of the result's elements, such as "float32".
#' @return A NumPy array of the same shape, as a Python object.
numpy_from_array <- function(values, dtype = "float32") {
  shape <- if (is.null(dim(values))) length(values) else dim(values)
  numpy <- reticulate::import("numpy", convert = FALSE)
  by_rows <- as.numeric(aperm(array(values, shape)))
  bytes <- reticulate::r_to_py(writeBin(by_rows, raw()))
  flat <- numpy$frombuffer(bytes, dtype = "float64")
  flat$reshape(reticulate::tuple(as.list(as.integer(shape))))$astype(dtype)
}

#' Return the shape of a NumPy array as an integer vector.
dim_of <- function(array) {
  builtins <- reticulate::import_builtins(convert = FALSE)
  as.integer(unlist(reticulate::py_to_r(builtins$list(array$shape))))
}
