#pragma once
// The seal of a result: a line of text behind the end of the HDF5 file, with the SHA-256 of all
// bytes before it. HDF5 files say in their header where they end, so every HDF5 program reads a
// sealed file as it is, and one that writes to it drops the seal. The seal is there because libhdf5
// trusts the bytes that it reads: a flipped bit can crash it or become a wrong number. No file
// reaches it before its seal is checked.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rooflaw::format {

inline constexpr std::string_view seal_opening = "rooflaw-result sha256 ";

/// The line that goes behind contents of this hash.
std::string seal_line(const std::string& sha256_hex);

/// What may be read.
enum class Seal {
  required,
  may_be_gone,  // a file that another program has changed, too
};

/// The HDF5 file without its seal. Cost: reads it whole, one pass over it; of a file that is none,
/// by its ends, nothing else.
/// @throws FileError if it cannot be read, is no HDF5 file, is cut short, was changed since it was
///         sealed (unless that may be), or is damaged
std::vector<std::byte> read_sealed(const std::string& path, Seal seal = Seal::required);

/// Does the file end as a sealed one, be it damaged, or begin as one of the first format?
/// @throws FileError if it cannot be read
bool has_seal(const std::string& path);

}  // namespace rooflaw::format
