classes <- c("T-shirt/top", 2:9, "Ankle boot")
table <- predictions_table(diag(10)[c(1:10, 1), ], c(0:9, 9), classes)

test_that("the confusion matrix counts true classes in rows", {
  plot <- plot_confusion(table, classes)
  counts <- plot$data
  wrong <- counts[counts$actual == "Ankle boot" & counts$predicted == "T-shirt/top", ]
  expect_equal(wrong$Freq, 1)
  expect_equal(sum(counts$Freq), 11)
  expect_match(plot$labels$title, "90.91% right")
})

test_that("curves of a single epoch are drawn", {
  history <- data.frame(
    epoch = 1, train_accuracy = 0.5, val_accuracy = 0.6, train_loss = 2, val_loss = 1
  )
  path <- file.path(tempdir(), "curves.png")
  save_plot(plot_curves(history), path, width = 4, height = 2)
  expect_gt(file.size(path), 1000)
})
