#pragma once
// Where and when something ran: for records and logs, never for results.

#include <string>

namespace rooflaw {

std::string host_name();  // "unknown" where the system does not say

enum class Resolution { seconds, milliseconds };
/// 2026-11-21T16:20:05Z, or 2026-11-21T16:20:05.123Z
std::string utc_now(Resolution resolution);

}  // namespace rooflaw
