#pragma once
// Texts from files that others wrote reach terminals, logs and spreadsheets, where some characters
// do more than to be shown.

#include <string>
#include <string_view>

namespace rooflaw {

/// A text that only shows itself: control characters (C0 but for those in `kept`, DEL, C1), what
/// changes the direction of writing, and bytes that are no UTF-8 stand as \xNN or \uNNNN.
std::string printable(std::string_view text, std::string_view kept = "");

}  // namespace rooflaw
