#pragma once
// libhdf5 1.10 never returns from a global heap, where texts of any length lie, whose objects do
// not lead on: a size of 0, or one beyond all numbers. Such a file is told before the library sees
// it.

#include <cstddef>
#include <span>

namespace rooflaw::format {

/// Does every global heap collection (HDF5 file format specification, III.E) in these bytes lead to
/// its end? Cost: one pass.
bool heaps_end(std::span<const std::byte> file);

}  // namespace rooflaw::format
