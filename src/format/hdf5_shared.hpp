#pragma once
// What reading and writing HDF5 share: part of hdf5.cpp and hdf5_writer.cpp.

#include <string_view>

#include "rooflaw/format/hdf5.hpp"

namespace rooflaw::format {

/// Our errors say what failed; the library's own print-out on stderr would double them.
void silence_library();

/// Of a table: the dimension scale of its columns.
inline constexpr std::string_view scale_name = "point";
// CF conventions, 3.5.
inline constexpr const char* flag_values = "flag_values";
inline constexpr const char* flag_meanings = "flag_meanings";

/// Null-padded UTF-8 of a fixed length, or of any with H5T_VARIABLE.
/// @throws FileError if the library has no memory left
Hdf5Handle string_type(std::size_t length);

}  // namespace rooflaw::format
