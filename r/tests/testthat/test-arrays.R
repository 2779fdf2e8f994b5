test_that("an array keeps its values and its shape on the way to R", {
  numpy <- reticulate::import("numpy", convert = FALSE)
  array <- numpy$arange(24L)$reshape(reticulate::tuple(2L, 3L, 4L))
  converted <- array_from_numpy(array)
  expect_equal(dim(converted), c(2, 3, 4))
  # Row by row: element [i, j, k] is 12 i + 4 j + k, counted from 0.
  expect_equal(converted[2, 1, 1], 12)
  expect_equal(converted[1, 2, 1], 4)
  expect_equal(converted[2, 3, 4], 23)
})

test_that("an array comes back from NumPy as it was", {
  values <- array(seq_len(24) / 7, c(2, 3, 4))
  array <- numpy_from_array(values, dtype = "float64")
  expect_equal(array_from_numpy(array), values)
})

test_that("the elements have the asked type", {
  array <- numpy_from_array(matrix(1:6, 2), dtype = "uint8")
  expect_equal(as.character(array$dtype$name), "uint8")
  expect_equal(dim_of(array), c(2, 3))
})

test_that("a vector has one dimension", {
  expect_equal(dim_of(numpy_from_array(c(1, 2, 3))), 3)
})
