#include "report/html.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/printable.hpp"

namespace rooflaw::app::report {

std::string escaped(std::string_view text, std::string_view kept) {
  std::string html;
  for (const char c : printable(text, kept)) switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  return html;
}

std::string script_json(const nlohmann::json& value) {
  // "<", ">" and "&" stand in strings only, where JSON has another way to write them.
  std::string safe;
  for (const char c : value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace))
    switch (c) {
      case '<':
        safe += "\\u003c";
        break;
      case '>':
        safe += "\\u003e";
        break;
      case '&':
        safe += "\\u0026";
        break;
      default:
        safe += c;
    }
  return safe;
}

namespace {

std::string cell(std::string_view tag, const Cell& c) {
  const std::string css = c.css.empty() ? "" : fmt::format(" class=\"{}\"", c.css);
  const std::string_view name = tag.substr(0, tag.find(' '));
  return fmt::format("<{}{}>{}{}</{}>", tag, css, escaped(c.text), c.html, name);
}

}  // namespace

std::string html_table(std::string_view caption, const std::vector<std::string>& titles,
                       const std::vector<Cells>& rows) {
  const std::string name = escaped(caption);
  std::string html = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{0}\"><table>"
      "<caption>{0}</caption>\n<thead><tr>",
      name);
  for (const auto& title : titles) html += cell("th scope=\"col\"", title);
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    html += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c)
      html += cell(c == 0 ? "th scope=\"row\"" : "td", row[c]);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string details(std::string_view summary, const std::string& html, bool open) {
  return fmt::format("<details{}><summary>{}</summary>\n{}</details>\n", open ? " open" : "",
                     escaped(summary), html);
}

std::string section(std::string_view id, std::string_view title, const std::string& html) {
  return fmt::format(
      "<section id=\"{0}\" aria-labelledby=\"{0}-title\"><h2 id=\"{0}-title\">{1}</h2>\n{2}"
      "</section>\n",
      id, escaped(title), html);
}

std::string paragraph(std::string_view text) { return fmt::format("<p>{}</p>\n", escaped(text)); }

std::string filled(std::string_view text,
                   const std::vector<std::pair<std::string_view, std::string>>& values) {
  std::string html;
  for (;;) {
    const auto open = text.find("{{");
    html += text.substr(0, open);
    if (open == std::string_view::npos) return html;
    const auto close = text.find("}}", open);
    const auto name = text.substr(open + 2, close - open - 2);
    const auto value =
        std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.first == name; });
    if (close == std::string_view::npos || value == values.end())
      throw Error(fmt::format("page.html: nothing for {{{{{}}}}}", name));
    html += value->second;
    text.remove_prefix(close + 2);
  }
}

}  // namespace rooflaw::app::report
