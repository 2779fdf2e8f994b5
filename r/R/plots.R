# Every plot is a function that returns a ggplot; `save_plot` writes it.

RIGHT <- "#1a7f5a"
WRONG <- "#c8372d"
BLUE <- "#2563c9"
FONT <- "DejaVu Sans"

#' The look of all plots.
theme_project <- function() {
  ggplot2::theme_minimal(base_size = 10, base_family = FONT) +
    ggplot2::theme(
      panel.grid.minor = ggplot2::element_blank(),
      plot.title = ggplot2::element_text(size = 11),
      strip.text = ggplot2::element_text(size = 10, hjust = 0.5),
      axis.text = ggplot2::element_text(colour = "#374151")
    )
}

#' Draw accuracy and loss by epoch.
#'
#' @param history A data frame, as `train_model` returns it.
plot_curves <- function(history) {
  long <- do.call(rbind, lapply(c("accuracy", "loss"), function(quantity) {
    rbind(
      data.frame(
        epoch = history$epoch, quantity, split = "training",
        value = history[[paste0("train_", quantity)]]
      ),
      data.frame(
        epoch = history$epoch, quantity, split = "validation",
        value = history[[paste0("val_", quantity)]]
      )
    )
  }))
  ggplot2::ggplot(long, ggplot2::aes(epoch, value, linetype = split)) +
    ggplot2::geom_line(ggplot2::aes(group = split), colour = BLUE, linewidth = 0.7, na.rm = TRUE) +
    ggplot2::geom_point(colour = BLUE, size = 1.4) +
    ggplot2::facet_wrap(~quantity, scales = "free_y") +
    ggplot2::scale_linetype_manual(values = c(training = "dashed", validation = "solid")) +
    ggplot2::scale_x_continuous(breaks = function(limits) seq(ceiling(limits[1]), limits[2])) +
    ggplot2::labs(x = "epoch", y = NULL, linetype = NULL, title = "The CNN from R, by epoch") +
    theme_project()
}

#' Draw the confusion matrix: rows are actual classes, columns predicted ones.
#'
#' @param table A table, as `predictions_table` returns it.
#' @param classes The names of the classes, in order.
plot_confusion <- function(table, classes) {
  counts <- as.data.frame(table(
    actual = factor(table$actual, rev(classes)),
    predicted = factor(table$predicted, classes)
  ))
  counts$share <- counts$Freq / ave(counts$Freq, counts$actual, FUN = sum)
  shown <- counts[counts$Freq > 0, ]
  accuracy <- mean(table$actual == table$predicted)
  ggplot2::ggplot(counts, ggplot2::aes(predicted, actual)) +
    # The square root makes mistakes visible, which are few compared with the diagonal.
    ggplot2::geom_tile(ggplot2::aes(fill = sqrt(share))) +
    ggplot2::geom_text(
      ggplot2::aes(label = Freq, colour = share > 0.3),
      data = shown, size = 2.9, family = FONT
    ) +
    ggplot2::scale_fill_gradientn(
      colours = c("#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"), limits = c(0, 1)
    ) +
    ggplot2::scale_colour_manual(values = c(`FALSE` = "#1f2937", `TRUE` = "white")) +
    ggplot2::coord_equal() +
    ggplot2::labs(
      x = "predicted class", y = "true class",
      title = sprintf(
        "The CNN from R on %s test images: %.2f%% right",
        format(nrow(table), big.mark = ","), 100 * accuracy
      )
    ) +
    theme_project() +
    ggplot2::theme(
      legend.position = "none", panel.grid = ggplot2::element_blank(),
      axis.text.x = ggplot2::element_text(angle = 40, hjust = 1)
    )
}

#' Draw images with their predicted and true classes.
#'
#' @param images An array (n, side, side), values from 0 to 1.
#' @param table The predictions of these images.
plot_images <- function(images, table) {
  side <- dim(images)[2]
  right <- table$predicted == table$actual
  titles <- sprintf(
    "%s (%.0f%%)\ntrue: %s", table$predicted, 100 * table$probability, table$actual
  )
  pixels <- do.call(rbind, lapply(seq_len(nrow(table)), function(position) {
    data.frame(
      title = factor(titles[position], unique(titles)),
      row = c(row(images[position, , ])), column = c(col(images[position, , ])),
      value = c(images[position, , ])
    )
  }))
  labels <- data.frame(title = factor(titles, unique(titles)), right)
  ggplot2::ggplot(pixels, ggplot2::aes(column, -row, fill = value)) +
    ggplot2::geom_raster() +
    ggplot2::geom_rect(
      ggplot2::aes(xmin = 0.5, xmax = side + 0.5, ymin = -side - 0.5, ymax = -0.5, colour = right),
      data = labels, fill = NA, linewidth = 0.8, inherit.aes = FALSE
    ) +
    ggplot2::facet_wrap(~title) +
    ggplot2::scale_fill_gradient(low = "white", high = "black", limits = c(0, 1)) +
    ggplot2::scale_colour_manual(values = c(`FALSE` = WRONG, `TRUE` = RIGHT)) +
    ggplot2::coord_equal() +
    ggplot2::labs(title = "The CNN from R on two test images") +
    ggplot2::theme_void(base_size = 10, base_family = FONT) +
    ggplot2::theme(
      legend.position = "none",
      plot.margin = ggplot2::margin(8, 8, 8, 8),
      plot.title = ggplot2::element_text(size = 11, margin = ggplot2::margin(b = 8)),
      strip.text = ggplot2::element_text(margin = ggplot2::margin(b = 4))
    )
}

#' Write a plot as PNG.
#'
#' @param plot A ggplot.
#' @param path The path of the PNG.
#' @param width,height The size in inches.
save_plot <- function(plot, path, width, height) {
  write_whole(path, function(partial) {
    # Named explicitly, because ggplot2 prefers another device where the package ragg is installed.
    ggplot2::ggsave(
      partial, plot,
      device = grDevices::png, type = "cairo", width = width, height = height, dpi = 160,
      bg = "white"
    )
  })
}
