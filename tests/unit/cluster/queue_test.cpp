// Pieces over ranks: each is done once, or again; whatever the ranks, the order and the state that
// a run goes on from, the sum is the same; and a run ends for all when it ends.

#include "rooflaw/cluster/queue.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/run_source.hpp"
#include "cluster/tree_talk.hpp"
#include "rooflaw/cluster/share.hpp"
#include "unit/cluster/in_process.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::testing {
namespace {

using cluster::Communicator;
using cluster::QueueState;
using cluster::Watch;
using ::testing::HasSubstr;

/// The pieces that were done, and what others told. Of what pieces need each has its own number.
class Numbers : public Work {
 public:
  Numbers(std::int64_t pieces, bool long_pieces) : pieces_(pieces), long_(long_pieces) {}
  std::int64_t pieces() const override { return pieces_; }
  std::string name(std::int64_t piece) const override { return "piece " + std::to_string(piece); }
  bool long_pieces() const override { return long_; }
  Bytes needed_for(std::int64_t first, std::int64_t end) const override {
    std::vector<std::int64_t> pieces;
    for (auto piece = first; piece < end; ++piece) pieces.push_back(piece);
    return packed(pieces);
  }
  void take_needed(std::int64_t first, const Bytes& bytes) override {
    first_needed_ = first;
    needed_ = unpacked<std::vector<std::int64_t>>(bytes);
  }
  void score(std::int64_t piece, const Between& between) override {
    if (!is_root && needed_.at(static_cast<std::size_t>(piece - first_needed_)) != piece)
      throw Error("what another piece needs");
    between();
    if (piece == fails_at || fails_at == any_piece) throw FileError("some.file", "cannot be read");
    if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (slow_every > 0 && piece % slow_every == slow_every - 1) compute(0.1);
    done.push_back(piece);
    ++times[piece];
  }
  Bytes report() override { return packed(std::exchange(done, {})); }
  void absorb(const Bytes& report) override {
    for (const auto piece : unpacked<std::vector<std::int64_t>>(report)) {
      done.push_back(piece);
      ++times[piece];
    }
  }

  bool is_root = true;
  std::vector<std::int64_t> done;
  std::map<std::int64_t, int> times;  // rank 0: of all
  static constexpr std::int64_t any_piece = -2;
  std::int64_t fails_at = -1;
  bool slow = false;
  std::int64_t slow_every = 0;

 private:
  static void compute(double seconds) {
    for (const double start = cluster::cpu_seconds(); cluster::cpu_seconds() < start + seconds;) {
    }
  }
  std::int64_t pieces_;
  bool long_;
  std::int64_t first_needed_ = 0;
  std::vector<std::int64_t> needed_;
};

struct Ran {
  QueueState state;
  std::map<std::int64_t, int> times;
  std::vector<QueueState> kept;
  std::vector<std::exception_ptr> thrown;
};

struct How {
  int ranks = 1;
  std::int64_t pieces = 50;
  bool long_pieces = false;
  std::int64_t fails_at = -1;
  bool slow = false;
  std::int64_t slow_every = 0;
  cluster::WatchOptions watch{};
  std::int64_t stop_taking_after = -1;  // as if out of time
};

Ran run(const How& how, const QueueState& from = {}) {
  Ran ran;
  ran.thrown = on_ranks(how.ranks, [&](Communicator& ranks) {
    Watch watch(ranks, how.watch, nobody);
    Numbers work(how.pieces, how.long_pieces);
    work.is_root = ranks.is_root();
    work.slow = how.slow;
    work.slow_every = how.slow_every;
    work.fails_at = how.fails_at;
    QueueState state = from;
    search::Serving serving;
    cluster::QueueHooks hooks;
    if (ranks.is_root()) {
      hooks.checkpoint = [&](const QueueState& now) {
        ran.kept.push_back(now);
        ran.times = work.times;
      };
      hooks.out_of_time = [&, asked = 0]() mutable {
        return how.stop_taking_after >= 0 && ++asked > how.stop_taking_after;
      };
    }
    try {
      watch.together([&] { run_queue(work, state, ranks, watch, hooks, serving); });
    } catch (const cluster::RankFailed& e) {
      ranks.abort(static_cast<int>(e.exit_code()));
    }
    if (!ranks.is_root()) return;
    ran.state = state;
    ran.times = work.times;
  });
  return ran;
}

std::map<std::int64_t, int> once_each(std::int64_t first, std::int64_t end) {
  std::map<std::int64_t, int> times;
  for (auto piece = first; piece < end; ++piece) times[piece] = 1;
  return times;
}

TEST(Queue, DoesEveryPieceOnce) {
  for (const int ranks : {1, 2, 3, 7})
    for (const bool long_pieces : {false, true})
      for (const std::int64_t pieces : {0, 1, 2, 50}) {
        const Ran ran = run({.ranks = ranks, .pieces = pieces, .long_pieces = long_pieces});
        EXPECT_EQ(once_each(0, pieces), ran.times) << ranks << " ranks, " << pieces;
        EXPECT_EQ(pieces, ran.state.next);
        EXPECT_TRUE(ran.state.open.empty());
      }
}

// Runs grow while pieces are short; those that hold a long one come back.
TEST(Queue, DoesEveryPieceOnceThoughRunsComeBack) {
  for (const int ranks : {1, 2, 5}) {
    const std::int64_t pieces = 20000;
    const Ran ran = run({.ranks = ranks, .pieces = pieces, .slow_every = 5000});
    EXPECT_EQ(once_each(0, pieces), ran.times) << ranks << " ranks";
    EXPECT_EQ(pieces, ran.state.next);
    EXPECT_TRUE(ran.state.open.empty());
  }
}

TEST(Runs, WhatComesBackIsHandedOutAgain) {
  const Numbers work(1000, false);
  cluster::RunSource source({}, work, 3);
  std::vector<cluster::PieceRun> handed;
  for (int i = 0; i < 5; ++i) {
    handed.push_back(source.take().run);
    source.measured(handed.back().size(), 1e-3);
  }
  const cluster::PieceRun longest = handed.back();
  ASSERT_GT(longest.size(), 2);
  const cluster::PieceRun rest{longest.first + 1, longest.end};
  source.done({0, rest.first});
  source.give_back(rest);
  EXPECT_TRUE(contains(cluster::open_pieces(source.state()), rest.first)) << "for a checkpoint";
  const auto again = source.take();
  EXPECT_EQ(rest.first, again.run.first) << "before any that is new";
  EXPECT_LE(again.run.end, rest.end);
  EXPECT_GT(again.most_seconds, 0.0);
  source.done({again.run.first, rest.end});
  EXPECT_EQ(rest.end, source.state().next);
}

TEST(Queue, GoesOnFromAnyState) {
  Random random(5);
  for (int i = 0; i < 40; ++i) {
    QueueState from{random.integer(0, 30), {}};
    auto expected = once_each(from.next, 30);
    for (std::int64_t piece = 0; piece < from.next; ++piece)
      if (random.chance(0.3)) {
        from.open.push_back({piece, piece + 1});
        expected[piece] = 1;
      }
    random.shuffle(from.open);
    ASSERT_TRUE(cluster::fits(from, 30));
    EXPECT_EQ(expected, run({.ranks = 1 + i % 4, .pieces = 30}, from).times);
  }
}

TEST(Queue, WhatIsKeptAtAStopIsAllThatIsLeft) {
  for (const int ranks : {1, 2, 4}) {
    const Ran stopped =
        run({.ranks = ranks, .pieces = 100000, .slow = true, .watch = {.max_wall_s = 0.1}});
    ASSERT_FALSE(stopped.kept.empty());
    for (const auto& thrown : stopped.thrown)
      EXPECT_THROW(std::rethrow_exception(thrown), cluster::Interrupted);
    const QueueState& state = stopped.kept.back();
    ASSERT_TRUE(cluster::fits(state, 100000));
    EXPECT_GT(state.next, 5);
    const auto open = cluster::open_pieces(state);
    std::set<std::int64_t> done;
    for (const auto& [piece, times] : stopped.times) done.insert(piece);
    for (std::int64_t piece = 0; piece < state.next; ++piece) {
      EXPECT_NE(contains(open, piece), done.contains(piece)) << piece << " is done, or to be done";
    }
  }
}

TEST(Queue, OutOfTimeIsAnEndInOrder) {
  const Ran ran = run({.ranks = 3, .pieces = 1000000, .stop_taking_after = 20});
  EXPECT_GE(ran.state.next, 20);
  // What came back of a run that was too long for a busy machine is not handed out again.
  auto expected = once_each(0, ran.state.next);
  const auto open = cluster::open_pieces(ran.state);
  std::erase_if(expected, [&](const auto& piece) { return contains(open, piece.first); });
  EXPECT_EQ(expected, ran.times);
  for (const auto& thrown : ran.thrown) EXPECT_EQ("", what(thrown));
}

TEST(Queue, APieceThatThrowsEndsAllWithItsName) {
  // On rank 0, alone and not.
  EXPECT_THAT(what(run({.pieces = 5, .fails_at = 3}).thrown[0]),
              HasSubstr("piece 3: some.file: cannot be read"));
  // On a worker, which takes what rank 0 leaves.
  std::mutex mutex;
  std::vector<std::string> told;
  const auto mail = std::make_shared<Mail>(3);
  const auto thrown = on_ranks(
      3,
      [&](Communicator& ranks) {
        Watch watch(ranks, {}, nobody);
        Numbers work(100000, false);
        work.slow = true;
        if (ranks.rank() == 2) work.fails_at = Numbers::any_piece;
        QueueState state;
        search::Serving serving;
        try {
          watch.together([&] { run_queue(work, state, ranks, watch, {}, serving); });
        } catch (const cluster::RankFailed& e) {
          const std::scoped_lock lock(mutex);
          told.push_back(e.what());
          ranks.abort(static_cast<int>(e.exit_code()));
        }
      },
      mail);
  ASSERT_EQ(1u, told.size());
  EXPECT_THAT(told[0], HasSubstr("rank 2"));
  EXPECT_THAT(told[0], HasSubstr(": piece "));
  EXPECT_THAT(told[0], HasSubstr("some.file: cannot be read"));
  EXPECT_EQ(3, mail->abort_code);
}

TEST(Queue, FitsItsPieces) {
  EXPECT_TRUE(cluster::fits({}, 0));
  EXPECT_TRUE(cluster::fits({5, {{0, 1}, {3, 5}}}, 5));
  EXPECT_FALSE(cluster::fits({6, {}}, 5));
  EXPECT_FALSE(cluster::fits({-1, {}}, 5));
  EXPECT_FALSE(cluster::fits({3, {{2, 4}}}, 5));
  EXPECT_FALSE(cluster::fits({3, {{-1, 1}}}, 5));
  EXPECT_FALSE(cluster::fits({3, {{2, 2}}}, 5));
  EXPECT_FALSE(cluster::fits({3, {{2, 1}}}, 5));
}

TEST(Share, GivesAllTheValueOfRank0InSmallMessages) {
  for (const int ranks : {1, 2, 3, 6, 9})
    for (const std::size_t size : {0u, 1u, 131072u, 500000u}) {
      std::vector<double> sent(size);
      for (std::size_t i = 0; i < size; ++i) sent[i] = static_cast<double>(i);
      const auto mail = std::make_shared<Mail>(ranks);
      std::atomic<int> same = 0;
      on_ranks(
          ranks,
          [&](Communicator& communicator) {
            Watch watch(communicator, {}, nobody);
            std::vector<double> value;
            std::string after;
            if (communicator.is_root()) value = sent, after = "after";
            share(value, communicator, watch);
            share(after, communicator, watch);
            same += value == sent && after == "after" ? 1 : 0;
          },
          mail);
      EXPECT_EQ(ranks, same);
      EXPECT_LE(mail->largest, std::size_t{1} << 20);
    }
}

}  // namespace
}  // namespace rooflaw::testing
