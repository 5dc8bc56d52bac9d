#include "report/svg.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "report/html.hpp"

namespace rooflaw::app::report {

namespace {

constexpr double left = 70, right = 14, top = 14, bottom = 46;

/// Of one axis: values to pixels, and where its ticks are.
class Scale {
 public:
  Scale(const Axis& axis, double pixel_from, double pixel_to)
      : axis_(axis), from_(pixel_from), to_(pixel_to) {}

  void take(double value) {
    if (!fits(value)) return;
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }
  bool empty() const { return low_ > high_; }
  bool fits(double value) const { return std::isfinite(value) && (!axis_.log || value > 0); }

  /// @param most_span  that the values may take; 0: any
  void finish(double most_span = 0) {
    if (empty()) return;
    if (most_span > 0) high_ = std::min(high_, low_ + most_span);
    low_ = moved(low_);
    high_ = moved(high_);
    if (high_ - low_ < 1e-9 * std::max(1.0, std::abs(high_))) {
      low_ -= 0.5;
      high_ += 0.5;
    }
    const double margin = 0.03 * (high_ - low_);
    low_ -= margin;
    high_ += margin;
  }
  double pixel(double value) const {
    return from_ + (to_ - from_) * (moved(value) - low_) / (high_ - low_);
  }
  bool holds(double value) const {
    return fits(value) && moved(value) >= low_ && moved(value) <= high_;
  }

  std::vector<double> ticks() const {
    std::vector<double> values;
    if (axis_.log) {
      const bool few = high_ - low_ < 2.5;
      for (double decade = std::floor(low_); decade <= high_; ++decade)
        for (const double digit : {1.0, 2.0, 5.0})
          if (few || (digit == 1.0 && std::fmod(decade, std::ceil((high_ - low_) / 9)) == 0))
            values.push_back(digit * std::pow(10.0, decade));
    } else {
      const double rough = (high_ - low_) / 6;
      const double power = std::pow(10.0, std::floor(std::log10(rough)));
      const double digits = rough / power;
      const double step = power * (digits < 1.5 ? 1 : digits < 3.5 ? 2 : digits < 7.5 ? 5 : 10);
      for (double t = std::ceil(low_ / step); t * step <= high_; ++t) values.push_back(t * step);
    }
    std::erase_if(values, [&](double v) { return !holds(v); });
    return values;
  }
  std::string text(double value) const {
    return axis_.tick == nullptr ? fmt::format("{:.6g}", value) : axis_.tick(value);
  }

 private:
  double moved(double value) const { return axis_.log ? std::log10(value) : value; }

  const Axis& axis_;
  double from_, to_;
  double low_ = std::numeric_limits<double>::infinity(), high_ = -low_;
};

std::string classes(const Series& s) {
  return fmt::format("c{} d{}", s.colour % palette_size, s.dash % dash_count);
}

std::string symbol(const Series& s, double x, double y) {
  if (s.kind == Series::Kind::squares)
    return fmt::format(
        "<rect class=\"dot {}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"6\" height=\"6\"/>", classes(s),
        x - 3, y - 3);
  return fmt::format("<circle class=\"dot {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>", classes(s),
                     x, y);
}

bool is_line(const Series& s) {
  return s.kind == Series::Kind::line || s.kind == Series::Kind::step;
}

std::string drawn(const Series& s, const Scale& x, const Scale& y) {
  std::string text;
  if (!is_line(s)) {
    for (const auto& [px, py] : s.points)
      if (x.holds(px) && y.holds(py)) text += symbol(s, x.pixel(px), y.pixel(py));
    return text;
  }
  bool open = false;
  for (const auto& [px, py] : s.points) {
    if (!x.fits(px) || !y.fits(py)) {
      open = false;
      continue;
    }
    const double at_x = x.pixel(px), at_y = std::max(y.pixel(py), -top);
    if (!open)
      text += fmt::format("M{:.1f} {:.1f}", at_x, at_y);
    else if (s.kind == Series::Kind::step)
      text += fmt::format("H{:.1f}V{:.1f}", at_x, at_y);
    else
      text += fmt::format("L{:.1f} {:.1f}", at_x, at_y);
    open = true;
  }
  if (text.empty()) return text;
  return fmt::format("<path class=\"line {}\" d=\"{}\"><title>{}</title></path>", classes(s), text,
                     escaped(s.name));
}

std::string axes(const Chart& chart, const Scale& x, const Scale& y) {
  const double x0 = left, x1 = chart.width - right, y0 = chart.height - bottom, y1 = top;
  std::string text;
  for (const double tick : x.ticks())
    text += fmt::format(
        "<path class=\"grid\" d=\"M{0:.1f} {1:.1f}V{2:.1f}\"/><text x=\"{0:.1f}\" y=\"{3:.1f}\" "
        "text-anchor=\"middle\">{4}</text>",
        x.pixel(tick), y0, y1, y0 + 16, escaped(x.text(tick)));
  for (const double tick : y.ticks())
    text += fmt::format(
        "<path class=\"grid\" d=\"M{0:.1f} {1:.1f}H{2:.1f}\"/><text x=\"{3:.1f}\" y=\"{4:.1f}\" "
        "text-anchor=\"end\">{5}</text>",
        x0, y.pixel(tick), x1, x0 - 6, y.pixel(tick) + 4, escaped(y.text(tick)));
  text += fmt::format("<path class=\"axis\" d=\"M{:.1f} {:.1f}V{:.1f}H{:.1f}\"/>", x0, y1, y0, x1);
  text += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>", (x0 + x1) / 2,
                      chart.height - 8, escaped(chart.x.label));
  const double middle = (y0 + y1) / 2;
  return text + fmt::format(
                    "<text transform=\"translate(14 {:.1f}) rotate(-90)\" "
                    "text-anchor=\"middle\">{}</text>",
                    middle, escaped(chart.y.label));
}

std::string mark(const Mark& m, const Chart& chart, const Scale& x) {
  if (!x.holds(m.x)) return "";
  return fmt::format(
      "<path class=\"mark\" d=\"M{0:.1f} {1}V{2}\"/><text class=\"mark\" transform=\"translate("
      "{3:.1f} {4}) rotate(-90)\" text-anchor=\"end\">{5}</text>",
      x.pixel(m.x), top, chart.height - bottom, x.pixel(m.x) - 4, top + 2, escaped(m.label));
}

}  // namespace

std::string svg_chart(const Chart& chart) {
  Scale x(chart.x, left, chart.width - right), y(chart.y, chart.height - bottom, top);
  for (const auto& s : chart.series)
    for (const auto& [px, py] : s.points)
      if (x.fits(px) && y.fits(py)) {
        x.take(px);
        y.take(py);
      }
  if (x.empty()) return "";
  x.finish();
  y.finish(chart.most_y_span);
  std::string text =
      fmt::format("<figure><svg viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"{2}\">{3}",
                  chart.width, chart.height, escaped(chart.title), axes(chart, x, y));
  for (const auto& m : chart.marks) text += mark(m, chart, x);
  // A drawing within the drawing cuts off what is outside its frame.
  text += fmt::format(
      "<svg x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"{3}\" viewBox=\"{0} {1} {2} {3}\">", left,
      top, chart.width - left - right, chart.height - top - bottom);
  for (const auto& s : chart.series) text += drawn(s, x, y);
  text += fmt::format("</svg></svg>\n<figcaption>{}</figcaption>\n", escaped(chart.title));
  if (chart.legend) text += svg_legend(chart.series);
  return text + "</figure>\n";
}

std::string svg_legend(const std::vector<Series>& series) {
  std::string text = "<ul class=\"legend\">";
  for (const auto& s : series) {
    if (!s.in_legend) continue;
    const std::string swatch =
        is_line(s) ? fmt::format("<path class=\"line {}\" d=\"M0 6H30\"/>", classes(s))
                   : symbol(s, 15, 6);
    text += fmt::format(
        "<li><svg viewBox=\"0 0 30 12\" width=\"30\" height=\"12\" aria-hidden=\"true\">{}</svg> "
        "{}</li>",
        swatch, escaped(s.name));
  }
  return text + "</ul>\n";
}

std::string svg_bar(double share) {
  if (!std::isfinite(share)) return "";
  return fmt::format(
      "<svg class=\"bar\" viewBox=\"0 0 100 8\" aria-hidden=\"true\"><rect width=\"{:.1f}\" "
      "height=\"8\"/></svg>",
      100 * std::clamp(share, 0.0, 1.0));
}

}  // namespace rooflaw::app::report
