#pragma once
// Files that the build puts into the program: of this folder, and the chart library with its
// licence.

#include <string_view>

namespace rooflaw::app::report {

/// Of "page.html", "style.css", "*.js"; and of "chart-library" and "chart-licence", which are empty
/// in a build without the library. Empty for any other name.
std::string_view asset(std::string_view name);

}  // namespace rooflaw::app::report
