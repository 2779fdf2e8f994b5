test_that("a split that is not the one of the description is refused", {
  numpy <- reticulate::import("numpy", convert = FALSE)
  folder <- tempfile()
  dir.create(file.path(folder, "train"), recursive = TRUE)
  path <- file.path(folder, "train", c("images.npy", "labels.npy"))
  for (file in path) numpy$save(file, numpy$zeros(3L))
  describe <- function(images) {
    writeLines(
      sprintf(
        '{"md5": {"train/images.npy": "%s", "train/labels.npy": "%s"}}',
        images, tools::md5sum(path[2])
      ),
      file.path(folder, "dataset.json")
    )
  }
  describe(tools::md5sum(path[1]))
  expect_named(load_split("train", folder), c("images", "labels"))
  describe("0")
  expect_error(load_split("train", folder), "images.npy: damaged; make it again")
})
