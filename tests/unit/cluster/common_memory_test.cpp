// Memory in common: the ranks of a node see the same bytes, made ready before any of them; those of
// other nodes see none of it; and nobody waits for a rank that is gone.

#include "cluster/common_memory.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include <gtest/gtest.h>

#include "unit/cluster/in_process.hpp"

namespace rooflaw::testing {
namespace {

using cluster::Communicator;
using cluster::Watch;

std::int64_t& number_at(std::byte* memory, std::size_t place) {
  return reinterpret_cast<std::int64_t*>(memory)[place];
}

TEST(CommonMemory, IsOfANode) {
  constexpr std::size_t numbers = 100'000;
  for (const auto& [ranks, per_node] : {std::pair{2, 2}, {5, 2}, {20, 20}, {24, 12}, {1, 1}}) {
    const auto mail = std::make_shared<Mail>(ranks, per_node);
    std::atomic<int> made_ready = 0, done = 0;
    on_ranks(
        ranks,
        [&, per_node = per_node, ranks = ranks](Communicator& communicator) {
          Watch watch(communicator, {}, nobody);
          const auto memory = common_memory(
              numbers * sizeof(std::int64_t),
              [&](std::span<std::byte> bytes) {
                EXPECT_EQ(numbers * sizeof(std::int64_t), bytes.size());
                for (std::size_t i = 0; i < numbers; ++i) number_at(bytes.data(), i) = -1;
                ++made_ready;
              },
              communicator, watch);
          const int node = communicator.rank() / per_node;
          const int first = node * per_node, end = std::min(first + per_node, ranks);
          EXPECT_EQ(end - first > 1, memory != nullptr);
          if (memory) {
            const auto own = static_cast<std::size_t>(communicator.rank());
            EXPECT_EQ(-1, number_at(memory.get(), numbers - 1));
            EXPECT_EQ(-1, number_at(memory.get(), own));
            std::atomic_ref(number_at(memory.get(), own)).store(communicator.rank());
            for (int rank = first; rank < end; ++rank)
              while (
                  std::atomic_ref(number_at(memory.get(), static_cast<std::size_t>(rank))).load() !=
                  rank)
                std::this_thread::yield();
            for (int rank = 0; rank < ranks; ++rank)
              if (rank < first || rank >= end) {
                EXPECT_EQ(-1, number_at(memory.get(), static_cast<std::size_t>(rank)));
              }
          }
          ++done;
        },
        mail);
    EXPECT_EQ(ranks, done);
    int shared_nodes = 0;
    for (int first = 0; first < ranks; first += per_node)
      shared_nodes += std::min(per_node, ranks - first) > 1 ? 1 : 0;
    EXPECT_EQ(shared_nodes, made_ready);
  }
}

std::ptrdiff_t open_files() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

TEST(CommonMemory, LeavesNoFileOpen) {
  const auto before = open_files();
  on_ranks(4, [&](Communicator& communicator) {
    Watch watch(communicator, {}, nobody);
    EXPECT_TRUE(common_memory(
        1 << 20, [](auto) {}, communicator, watch));
  });
  EXPECT_EQ(before, open_files());
}

TEST(CommonMemory, OfNothingIsNone) {
  on_ranks(4, [&](Communicator& communicator) {
    Watch watch(communicator, {}, nobody);
    EXPECT_FALSE(common_memory(
        0, [](auto) { FAIL(); }, communicator, watch));
  });
}

TEST(CommonMemory, WhatCannotBeHadIsToldOnce) {
  std::atomic<int> told = 0, none = 0;
  on_ranks(4, [&](Communicator& communicator) {
    Watch watch(communicator, {},
                [&](const cluster::Event& event) { told += event.kind == "memory" ? 1 : 0; });
    // More than there are addresses for.
    none += common_memory(
                std::size_t{1} << 62, [](auto) {}, communicator, watch)
                ? 0
                : 1;
  });
  EXPECT_EQ(4, none);
  EXPECT_EQ(1, told);
}

TEST(CommonMemory, NobodyWaitsForOneThatIsGone) {
  const auto mail = std::make_shared<Mail>(4);
  std::atomic<int> told = 0;
  on_ranks(
      4,
      [&](Communicator& ranks) {
        Watch watch(ranks, {}, nobody);
        try {
          watch.together([&] {
            if (ranks.rank() == 2) throw Error("cannot go on");
            common_memory(
                1 << 20, [](auto) {}, ranks, watch);
            FAIL() << "without rank 2";
          });
        } catch (const cluster::RankFailed& e) {
          EXPECT_NE(std::string::npos, std::string(e.what()).find("cannot go on")) << e.what();
          ++told;
          ranks.abort(static_cast<int>(e.exit_code()));
        }
      },
      mail);
  EXPECT_EQ(1, told);
}

}  // namespace
}  // namespace rooflaw::testing
