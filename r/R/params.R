#' Read the section `r_cnn` of params.yaml.
#'
#' @param path The path of params.yaml.
#' @return A list with the section's keys. Its values were checked by the stage check_params.
read_params <- function(path = "params.yaml") {
  params <- yaml::read_yaml(path)[["r_cnn"]]
  if (is.null(params)) {
    stop(path, ": r_cnn is missing; `git diff ", path, "` shows what changed", call. = FALSE)
  }
  params
}
