#pragma once
// The seal of a result: its first 512 bytes hold a line of text with the SHA-256 of all that
// follow, then zeros. HDF5 leaves them to the application (a "user block"), so every HDF5 program
// reads a sealed file as it is. The seal is there because libhdf5 trusts the bytes that it reads: a
// flipped bit can crash it or become a wrong number. No file reaches it before its seal is checked.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace rooflaw::format {

inline constexpr std::string_view seal_opening = "rooflaw-result sha256 ";
inline constexpr std::size_t seal_bytes = 512;  // the least that HDF5 allows for a user block

/// The seal_bytes that go in front of `contents`. Cost: one pass over them.
std::string seal_of(std::span<const std::byte> contents);

/// Is it a result, be it damaged? Its first bytes say so. @throws FileError if it cannot be read
bool begins_with_seal(const std::string& path);

/// Cost: one pass over the file, 1 MiB of memory.
/// @throws FileError if the file cannot be read, has no seal, or is not what was sealed
void require_sealed(const std::string& path);

}  // namespace rooflaw::format
