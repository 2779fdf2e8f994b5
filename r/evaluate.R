# r/models/r_cnn.keras, data/test, r/plots/training_r_cnn.csv -> every prediction, and the plots.
#
# Run it from the repository's root: Rscript r/evaluate.R

for (file in list.files("r/R", full.names = TRUE)) source(file)

main <- function() {
  params <- read_params()
  keras <- use_keras(params$seed)
  spec <- load_spec()
  test <- load_split("test")
  if (!file.exists("r/models/r_cnn.keras")) {
    stop("r/models/r_cnn.keras: not found; make it with `make r`", call. = FALSE)
  }
  model <- keras$saving$load_model("r/models/r_cnn.keras", compile = FALSE)
  probabilities <- array_from_numpy(model$predict(test$images, batch_size = 1000L, verbose = 0L))
  table <- predictions_table(probabilities, array_from_numpy(test$labels), spec$classes)
  write_predictions(table, "r/plots/predictions_r_cnn.csv")

  history <- utils::read.csv("r/plots/training_r_cnn.csv")
  save_plot(plot_curves(history), "r/plots/curves.png", width = 8, height = 3.2)
  save_plot(plot_confusion(table, spec$classes), "r/plots/confusion.png", width = 6.6, height = 5.8)
  shown <- unlist(params$images_shown) + 1
  images <- array_from_numpy(test$images$take(as.list(unlist(params$images_shown)), axis = 0L))
  save_plot(
    plot_images(images[, , , 1], table[shown, ]), "r/plots/images.png",
    width = 4.6, height = 3
  )
}

run(main)
