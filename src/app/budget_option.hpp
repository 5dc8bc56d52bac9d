#pragma once
// --budget KIND=VALUE

#include <string>

#include "rooflaw/model/objective.hpp"

namespace rooflaw::app {

/// "total=100ms", "energy=2J", "memory=4GiB". @throws InputError, naming --budget, for anything else
model::Limit budget_from(const std::string& text);

}  // namespace rooflaw::app
