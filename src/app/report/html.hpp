#pragma once
// Parts of an HTML page. Whatever is a text of a result is foreign: it passes `escaped` on its way
// into the page.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace rooflaw::app::report {

/// A text as content or attribute value, without characters that do more than be shown.
std::string escaped(std::string_view text, std::string_view kept = "");

/// JSON for an element <script type="application/json">: nothing in it can end the element.
std::string script_json(const nlohmann::json& value);

/// A table cell of plain text; `css` names classes, `html` goes behind the text as it is.
struct Cell {
  Cell(std::string shown, std::string classes = {}, std::string behind = {})
      : text(std::move(shown)), css(std::move(classes)), html(std::move(behind)) {}
  Cell(const char* shown) : text(shown) {}
  std::string text, css, html;
};
using Cells = std::vector<Cell>;

/// A table whose first cell of each row is its header, in a frame that scrolls by itself.
std::string html_table(std::string_view caption, const std::vector<std::string>& titles,
                       const std::vector<Cells>& rows);

/// A part of the page that opens on demand.
std::string details(std::string_view summary, const std::string& html, bool open = false);

std::string section(std::string_view id, std::string_view title, const std::string& html);
std::string paragraph(std::string_view text);

/// `text` with {{name}} replaced.
std::string filled(std::string_view text,
                   const std::vector<std::pair<std::string_view, std::string>>& values);

}  // namespace rooflaw::app::report
