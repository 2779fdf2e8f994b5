# The tests of r/R, and its linter where it is installed.
#
# Run it from the repository's root: Rscript r/tests/run.R

Sys.setenv(
  RETICULATE_PYTHON = Sys.getenv("RETICULATE_PYTHON", file.path(getwd(), ".venv/bin/python"))
)
for (file in list.files("r/R", full.names = TRUE)) source(file)
testthat::test_dir("r/tests/testthat", stop_on_failure = TRUE, reporter = "summary")
if (requireNamespace("lintr", quietly = TRUE)) {
  lints <- lintr::lint_dir("r")
  print(lints)
  if (length(lints)) quit(save = "no", status = 1)
}
