// A command on ranks: who does what, and how all of them end, whatever one of them throws.

#include "rooflaw/cluster/ranked_command.hpp"

#include <chrono>
#include <fstream>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "unit/cluster/in_process.hpp"
#include "unit/temporary_folder.hpp"

namespace rooflaw::testing {
namespace {

using cluster::Communicator;
using cluster::Watch;
using cluster::WatchOptions;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What the ranks of a run did, in order, and their codes; -1 where a rank was aborted.
struct Told {
  std::mutex mutex;
  std::vector<std::string> said;
  void say(const std::string& text) {
    const std::scoped_lock lock(mutex);
    said.push_back(text);
  }
  std::vector<int> codes;
  int abort_code = -1;
};

struct Parts {
  std::function<Bytes()> prepare = [] { return packed(std::string("start")); };
  std::function<void(Communicator&, Watch&)> work = [](Communicator&, Watch&) {};
  std::function<void(Watch&)> finish = [](Watch&) {};
  WatchOptions watch{};
};

void run(int ranks, const Parts& parts, Told& told) {
  told.codes.assign(static_cast<std::size_t>(ranks), -1);
  const auto mail = std::make_shared<Mail>(ranks);
  on_ranks(
      ranks,
      [&](Communicator& communicator) {
        const auto mine = static_cast<std::size_t>(communicator.rank());
        const cluster::RankedCommand command{
            .watch = parts.watch,
            .sink = [](const cluster::Event&) {},
            .prepare = [&](WatchOptions&) { return parts.prepare(); },
            .work =
                [&](const Bytes& prepared, Watch& watch) {
                  EXPECT_EQ("start", unpacked<std::string>(prepared));
                  parts.work(communicator, watch);
                },
            .finish =
                [&](Watch& watch) {
                  parts.finish(watch);
                  told.say("finished");
                },
            .stopped =
                [&](const std::string& reason) {
                  told.say("stopped: " + reason);
                  return ExitCode::stopped_early;
                },
            .failed =
                [&](const std::exception& e) {
                  told.say(std::string("failed: ") + e.what());
                  const auto* known = dynamic_cast<const Error*>(&e);
                  return known == nullptr ? ExitCode::internal_error : known->exit_code();
                },
            .ends = [](ExitCode, const std::string&) {}};
        told.codes[mine] = static_cast<int>(run_on_ranks(communicator, command));
      },
      mail);
  told.abort_code = mail->abort_code;
}

void wait(Watch& watch) {
  for (cluster::BackOff back_off;; back_off.pause()) watch.look();
}

TEST(Watch, TimeInWhichARankWasStoppedItselfIsNoSilenceOfRank0) {
  using namespace std::chrono_literals;
  on_ranks(2, [](Communicator& ranks) {
    if (ranks.is_root()) return;
    std::vector<std::string> told;
    Watch watch(ranks, {.stall_after_s = 0.5},
                [&](const cluster::Event& event) { told.push_back(event.text); });
    const auto since = std::chrono::steady_clock::now();
    watch.waiting(since);
    std::this_thread::sleep_for(2100ms);  // as one that is stopped
    watch.waiting(since);
    EXPECT_THAT(told, IsEmpty());
    for (int i = 0; i < 100 && told.empty(); ++i) {
      std::this_thread::sleep_for(10ms);
      watch.waiting(since);
    }
    EXPECT_THAT(told, ElementsAre(HasSubstr("rank 0 has not answered for")));
  });
}

TEST(RankedCommand, PreparesWorksAndFinishes) {
  for (const int ranks : {1, 2, 5}) {
    Told told;
    std::atomic<int> worked = 0;
    run(ranks, {.work = [&](Communicator&, Watch&) { ++worked; }}, told);
    EXPECT_EQ(ranks, worked);
    EXPECT_THAT(told.said, ElementsAre("finished"));
    EXPECT_THAT(told.codes, Each(0));
  }
}

TEST(RankedCommand, WhatRank0CannotPrepareEndsAllInOrder) {
  for (const int ranks : {1, 3}) {
    Told told;
    run(ranks,
        {.prepare = []() -> Bytes { throw FileError("job.toml", "cannot be read"); },
         .work = [](Communicator&, Watch&) { ADD_FAILURE(); }},
        told);
    EXPECT_THAT(told.said, ElementsAre("failed: job.toml: cannot be read"));
    EXPECT_EQ(3, told.codes[0]);
    EXPECT_EQ(-1, told.abort_code);
    for (std::size_t rank = 1; rank < told.codes.size(); ++rank) EXPECT_EQ(0, told.codes[rank]);
  }
}

TEST(RankedCommand, AFailureWhileOthersWaitEndsThemAll) {
  for (const int failing : {0, 1, 2}) {
    Told told;
    run(3,
        {.work =
             [&](Communicator& ranks, Watch& watch) {
               if (ranks.rank() == failing) throw FileError("some.file", "cannot be read");
               wait(watch);
             }},
        told);
    ASSERT_EQ(1u, told.said.size()) << failing;
    EXPECT_THAT(told.said[0], HasSubstr("some.file: cannot be read"));
    EXPECT_EQ(3, told.abort_code);
  }
}

TEST(RankedCommand, AFailureOfTheLastPartConcernsRank0Alone) {
  Told told;
  run(3, {.finish = [](Watch&) { throw Error("no result"); }}, told);
  EXPECT_THAT(told.said, ElementsAre("failed: no result"));
  EXPECT_THAT(told.codes, ElementsAre(1, 0, 0));
  EXPECT_EQ(-1, told.abort_code);
}

TEST(RankedCommand, AStopEndsAllInOrder) {
  TemporaryFolder folder;
  std::ofstream(folder.path("stop")) << "";
  const WatchOptions by_file{.stop_file = folder.path("stop")};
  for (const auto& watch : {by_file, WatchOptions{.max_wall_s = 0.05}})
    for (const int ranks : {1, 3}) {
      Told told;
      run(ranks, {.work = [](Communicator&, Watch& w) { wait(w); }, .watch = watch}, told);
      ASSERT_EQ(1u, told.said.size());
      EXPECT_THAT(told.said[0], HasSubstr("stopped: the "));
      EXPECT_EQ(10, told.codes[0]);
      for (std::size_t rank = 1; rank < told.codes.size(); ++rank) EXPECT_EQ(0, told.codes[rank]);
    }
}

TEST(RankedCommand, OthersStayUntilRank0IsThrough) {
  Told told;
  run(3,
      {.finish =
           [&](Watch& watch) {
             std::this_thread::sleep_for(std::chrono::milliseconds(200));
             watch.look();
             EXPECT_THAT(told.codes, Each(-1));
           }},
      told);
  EXPECT_THAT(told.codes, Each(0));
}

TEST(RankedCommand, AStopOfTheLastPart) {
  Told told;
  run(2, {.finish = wait, .watch = {.max_wall_s = 0.05}}, told);
  EXPECT_THAT(told.said, ElementsAre(HasSubstr("stopped: the wall time")));
  EXPECT_THAT(told.codes, ElementsAre(10, 0));
}

TEST(Watch, NamesARankThatIsSilent) {
  Told told;
  std::atomic<bool> over = false;
  on_ranks(2, [&](Communicator& ranks) {
    Watch watch(ranks, {.stall_after_s = 0.1},
                [&](const cluster::Event& event) { told.say(event.kind + ": " + event.text); });
    watch.together([&] {
      watch.look();
      if (ranks.is_root()) {
        watch.begin();
        for (cluster::BackOff back_off; !over; back_off.pause()) watch.look();
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(2500));
        watch.look();
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        over = true;
      }
    });
  });
  ASSERT_GE(told.said.size(), 2u);
  EXPECT_THAT(told.said[0], HasSubstr("stall: rank 1"));
  EXPECT_THAT(told.said[0], HasSubstr("no sign of life"));
  EXPECT_THAT(told.said[1], HasSubstr("stall_over: rank 1"));
}

TEST(Watch, NamesMessagesThatAreNotTaken) {
  Told told;
  on_ranks(2, [&](Communicator& ranks) {
    Watch watch(ranks, {.stall_after_s = 10},
                [&](const cluster::Event& event) { told.say(event.kind + ": " + event.text); });
    if (!ranks.is_root()) return;
    const auto now = std::chrono::steady_clock::now();
    watch.sending(now - std::chrono::seconds(5));
    for (int i = 0; i < 2; ++i) watch.sending(now - std::chrono::seconds(12));
  });
  EXPECT_THAT(told.said,
              ElementsAre(HasSubstr("stall: messages of rank 0 have not been taken for 12 s")));
}

}  // namespace
}  // namespace rooflaw::testing
