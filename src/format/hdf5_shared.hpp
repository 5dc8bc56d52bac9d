#pragma once
// What reading and writing HDF5 share: part of hdf5.cpp and hdf5_writer.cpp.

#include "rooflaw/format/hdf5.hpp"

namespace rooflaw::format {

/// Our errors say what failed; the library's own print-out on stderr would double them.
void silence_library();

/// Null-padded UTF-8 of a fixed length, or of any with H5T_VARIABLE.
/// @throws FileError if the library has no memory left
Hdf5Handle string_type(std::size_t length);

}  // namespace rooflaw::format
