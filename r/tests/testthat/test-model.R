params <- list(
  filters = list(4, 6), kernel_size = 3, pool_after = list(1), dense_units = list(8),
  learning_rate = 0.01, batch_size = 10, epochs = 2, seed = 0
)
spec <- list(classes = 0:9, side = 28L, channels = 1L)
keras <- use_keras(params$seed)

small_split <- function(count) {
  labels <- (seq_len(count) - 1) %% 10
  images <- array(0, c(count, 28, 28, 1))
  for (position in seq_len(count)) {
    images[position, 2 * labels[position] + 4:6, , 1] <- 1
  }
  list(images = numpy_from_array(images), labels = numpy_from_array(labels, "uint8"))
}

test_that("the model has the layers of the params", {
  model <- build_model(keras, params, spec)
  kinds <- vapply(reticulate::py_to_r(model$layers), function(layer) {
    as.character(layer$`__class__`$`__name__`)
  }, "")
  expect_equal(kinds, c("Conv2D", "MaxPooling2D", "Conv2D", "Flatten", "Dense", "Dense"))
  # 4 kernels of 3x3; 6 of 3x3x4; 11x11x6 pixels to 8 units; 8 to 10; each with biases.
  expected <- (9 + 1) * 4 + (36 + 1) * 6 + (726 + 1) * 8 + (8 + 1) * 10
  expect_equal(as.numeric(reticulate::py_to_r(model$count_params())), expected)
})

test_that("the same seed gives the same file, which plain Keras loads", {
  paths <- file.path(tempdir(), c("one.keras", "two.keras"))
  for (path in paths) {
    keras <- use_keras(params$seed)
    model <- build_model(keras, params, spec)
    split <- small_split(60)
    history <- train_model(keras, model, split, small_split(20), params)
    save_model(keras, model, path)
  }
  expect_equal(names(history), c(
    "epoch", "train_accuracy", "val_accuracy", "train_loss", "val_loss"
  ))
  expect_equal(nrow(history), 2)
  expect_lt(history$train_loss[2], history$train_loss[1])
  expect_equal(unname(tools::md5sum(paths[1])), unname(tools::md5sum(paths[2])))
  loaded <- keras$saving$load_model(paths[1])
  expect_equal(
    array_from_numpy(loaded$predict(split$images, verbose = 0L)),
    array_from_numpy(model$predict(split$images, verbose = 0L))
  )
})
