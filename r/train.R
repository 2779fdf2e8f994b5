# data/train, data/validation -> r/models/r_cnn.keras and its history by epoch.
#
# Run it from the repository's root: Rscript r/train.R

for (file in list.files("r/R", full.names = TRUE)) source(file)

main <- function() {
  params <- read_params()
  keras <- use_keras(params$seed)
  train <- load_split("train")
  validation <- load_split("validation")
  model <- build_model(keras, params, load_spec())
  history <- train_model(keras, model, train, validation, params)
  save_model(keras, model, "r/models/r_cnn.keras")
  write_table(history, "r/plots/training_r_cnn.csv")
}

run(main)
