#pragma once
// What the files of this folder that know HDF5 share.

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

/// UTF-8 of any length. @throws FileError if the library has no memory left
Hdf5Handle text_type();

/// What every HDF5 file begins with.
inline constexpr std::string_view hdf5_signature("\x89HDF\r\n\x1a\n", 8);

}  // namespace rooflaw::format
