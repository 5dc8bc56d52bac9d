#pragma once
// Charts that need no script: drawn here, shown by any browser and printed as they are. Colours and
// dashes are classes of style.css, so that they follow light and dark.

#include <string>
#include <utility>
#include <vector>

namespace rooflaw::app::report {

struct Axis {
  std::string label;
  bool log = false;
  std::string (*tick)(double) = nullptr;  // how a value is written; plain digits if null
};

struct Series {
  enum class Kind { line, step, points, squares };
  std::string name;  // foreign
  int colour = 0;    // any; taken modulo the palette
  int dash = 0;
  Kind kind = Kind::line;
  std::vector<std::pair<double, double>> points;
  bool in_legend = true;
};

struct Mark {
  double x = 0;
  std::string label;
};

struct Chart {
  std::string title;  // said by screen readers and in the caption
  Axis x, y;
  std::vector<Series> series;
  std::vector<Mark> marks;  // vertical lines
  int width = 720, height = 380;
  bool legend = true;
  double most_y_span = 0;  // of the y axis, from its least value; 0: no bound. Lines are cut there
};

inline constexpr int palette_size = 10, dash_count = 4;

/// <figure> with the drawing, caption and legend below. What has no number, or none above 0 on a
/// logarithmic axis, is left out; empty where nothing remains.
std::string svg_chart(const Chart& chart);

/// The legend alone, of several charts.
std::string svg_legend(const std::vector<Series>& series);

/// A bar of 0 .. 1 of the width of a table cell.
std::string svg_bar(double share);

}  // namespace rooflaw::app::report
