#pragma once
// Text for readers who may not read: a pager that is paused, a pipe that is full. To wait for them
// for ever would hold a run beyond its wall time.

#include <functional>
#include <string_view>

namespace rooflaw {

enum class Written { all, given_up, failed };  // failed: errno says why

/// Writes to a descriptor what its reader takes. Where that takes long, `patient` is asked ten
/// times a second whether to go on waiting.
Written write_patiently(int descriptor, std::string_view text,
                        const std::function<bool()>& patient);

/// A message on stderr. Waits a second for a reader who does not read, and then, until he does
/// again, not at all: the message is dropped.
void say(std::string_view text);

/// The same, for what the next one will replace: it never waits.
void say_if_read(std::string_view text);

}  // namespace rooflaw
