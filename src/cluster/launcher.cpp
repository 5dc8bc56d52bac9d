#include "rooflaw/cluster/launcher.hpp"

#include <unistd.h>

#include <cstdlib>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw::cluster {

namespace {

constexpr std::string_view sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS",
                                      "MV2_COMM_WORLD_SIZE"};
constexpr std::string_view slurm_sizes[] = {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"};
// SLURM_INTERACTIVE_STEP of slurm.h: the shell of salloc.
constexpr std::int64_t interactive_step = 0xfffffffa;

/// As the C library reads numbers: with a sign, in base 16, and the largest for what is larger.
std::optional<std::int64_t> number(std::string_view text) {
  const std::string digits(text);
  char* end = nullptr;
  const long long value = std::strtoll(digits.c_str(), &end, 0);
  if (digits.empty() || *end != '\0') return std::nullopt;
  return value;
}

std::optional<std::string_view> variable(std::string_view name) {
  const char* text = std::getenv(std::string(name).c_str());
  return text == nullptr ? std::nullopt : std::optional<std::string_view>(text);
}

bool above(std::string_view text, std::int64_t most) {
  const auto value = number(text);
  return value && *value > most;
}

std::string said(std::string_view name, std::string_view value) {
  return fmt::format("{} = {}", name, value);
}

/// HPE's PALS: PALS_LOCAL_SIZE and others by site; the number of the rank is always there.
std::optional<std::string> said_by_pals() {
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    if (equals == text.npos || !name.starts_with("PALS_")) continue;
    const auto value = text.substr(equals + 1);
    const bool size = name.ends_with("SIZE") || name.ends_with("RANKS");
    if ((size && above(value, 1)) || (name.ends_with("RANKID") && above(value, 0)))
      return said(name, text.substr(equals + 1));
  }
  return std::nullopt;
}

std::optional<std::string> first_above_1(std::span<const std::string_view> names) {
  for (const auto name : names)
    if (const auto text = variable(name); text && above(*text, 1)) return said(name, *text);
  return std::nullopt;
}

bool in_slurm_step() {
  const auto step = variable("SLURM_STEP_ID");
  return step && number(*step) != interactive_step;
}

}  // namespace

bool launched_as_rank() {
  return variable("OMPI_COMM_WORLD_SIZE") || variable("PMIX_RANK") || variable("PMI_RANK");
}

std::optional<std::string> said_to_be_several() {
  if (auto said = first_above_1(sizes)) return said;
  if (auto said = said_by_pals()) return said;
  return in_slurm_step() ? first_above_1(slurm_sizes) : std::nullopt;
}

void require_alone(const std::string& command) {
  if (const auto said = said_to_be_several())
    throw MpiError(fmt::format(
        "several processes were started ({}), and each would write the same files: start rooflaw "
        "{} once, without mpirun or srun",
        *said, command));
}

}  // namespace rooflaw::cluster
