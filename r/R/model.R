#' Build the CNN: images (n, side, side, channels) to class probabilities (n, classes).
#'
#' Each convolution is followed by ReLU and, if its position is in `pool_after`, by max pooling.
#'
#' @param keras The Python module keras.
#' @param params The section `r_cnn`.
#' @param spec The description of the images, as `load_spec` returns it.
#' @return A compiled Keras model.
build_model <- function(keras, params, spec) {
  layers <- keras$layers
  model <- keras$Sequential(name = "r_cnn")
  shape <- reticulate::tuple(spec$side, spec$side, spec$channels)
  model$add(keras$Input(shape, name = "images"))
  for (position in seq_along(params$filters)) {
    filters <- as.integer(params$filters[[position]])
    kernel_size <- as.integer(params$kernel_size)
    name <- paste0("conv", position)
    model$add(layers$Conv2D(filters, kernel_size, activation = "relu", name = name))
    if (position %in% params$pool_after) {
      model$add(layers$MaxPooling2D(name = paste0("pool", position)))
    }
  }
  model$add(layers$Flatten(name = "flatten"))
  for (position in seq_along(params$dense_units)) {
    units <- as.integer(params$dense_units[[position]])
    model$add(layers$Dense(units, activation = "relu", name = paste0("dense", position)))
  }
  classes <- length(spec$classes)
  model$add(layers$Dense(classes, activation = "softmax", name = "probabilities"))
  model$compile(
    optimizer = keras$optimizers$Adam(params$learning_rate),
    loss = "categorical_crossentropy",
    metrics = list("accuracy")
  )
  model
}

#' Train a model on the train split, and measure it on the validation split after each epoch.
#'
#' @param keras The Python module keras.
#' @param model A compiled Keras model, which learns in place.
#' @param train,validation Splits, as `load_split` returns them.
#' @param params The section `r_cnn`.
#' @return A data frame with one row per epoch, in the columns of plots/training_*.csv.
train_model <- function(keras, model, train, validation, params) {
  classes <- reticulate::py_to_r(model$output_shape)[[2]]
  one_hot <- function(labels) {
    keras$utils$to_categorical(labels, num_classes = classes)
  }
  fitted <- model$fit(
    train$images, one_hot(train$labels),
    batch_size = as.integer(params$batch_size),
    epochs = as.integer(params$epochs),
    validation_data = reticulate::tuple(validation$images, one_hot(validation$labels)),
    verbose = 0L
  )
  history <- reticulate::py_to_r(fitted$history)
  column <- function(name) round(unlist(history[[name]]), 5)
  data.frame(
    epoch = seq_len(params$epochs),
    train_accuracy = column("accuracy"),
    val_accuracy = column("val_accuracy"),
    train_loss = column("loss"),
    val_loss = column("val_loss")
  )
}

#' Write a model without its optimizer; the same model gives the same bytes.
#'
#' Keras writes the date and memory addresses into the file, and a zip archive has the time of each
#' member.
#'
#' @param keras The Python module keras.
#' @param model A Keras model.
#' @param path A path that ends in .keras.
save_model <- function(keras, model, path) {
  plain <- keras$Model(model$inputs, model$outputs, name = model$name)
  written <- tempfile(fileext = ".keras")
  plain$save(written)
  zipfile <- reticulate::import("zipfile", convert = FALSE)
  source <- zipfile$ZipFile(written)
  write_whole(path, function(partial) {
    target <- zipfile$ZipFile(partial, "w")
    for (name in reticulate::py_to_r(source$namelist())) {
      content <- source$read(name)
      if (endsWith(name, ".json")) {
        text <- reticulate::py_to_r(content$decode())
        text <- gsub('"date_saved": "[^"]*"', '"date_saved": "1980-01-01"', text)
        text <- gsub('"shared_object_id": [0-9]+', '"shared_object_id": 0', text)
        content <- reticulate::r_to_py(text)$encode()
      }
      target$writestr(zipfile$ZipInfo(name), content)
    }
    target$close()
  })
  source$close()
  invisible(path)
}
