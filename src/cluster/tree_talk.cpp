#include "tree_talk.hpp"

#include <algorithm>
#include <ctime>

namespace rooflaw::cluster {

using namespace std::chrono_literals;

namespace {

// Tunable. News of a point found soon saves the most; news of little can wait.
constexpr std::chrono::duration<double> least_pace = 20ms;
constexpr std::chrono::duration<double> most_pace = 2s;
constexpr std::size_t little_news = 2 << 10;  // bytes to a neighbour
constexpr double most_telling = 0.02;         // of the processor time of the queue
// A report that is longer goes up unasked, so that memory does not grow with what is found.
constexpr std::size_t long_report = std::size_t{8} << 20;

/// Pieces that are done, and what they gave; of a rank, or of all from it downwards.
struct Report {
  std::vector<PieceRun> done;
  Bytes of_work;
  double cpu_s = 0;           // the last one: all of the queue
  std::uint64_t answers = 0;  // a gathering; 0: none
  bool last = false;
};
template <class Archive>
void fields(Archive& a, Report& x) {
  a(x.done, x.of_work, x.cpu_s, x.answers, x.last);
}

/// Runs that meet as one.
std::vector<PieceRun> joined(std::vector<PieceRun> runs) {
  std::sort(runs.begin(), runs.end(),
            [](const PieceRun& a, const PieceRun& b) { return a.first < b.first; });
  std::vector<PieceRun> fewer;
  for (const auto& run : runs) {
    if (!fewer.empty() && fewer.back().end >= run.first)
      fewer.back().end = std::max(fewer.back().end, run.end);
    else
      fewer.push_back(run);
  }
  return fewer;
}

}  // namespace

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

TreeTalk::TreeTalk(Work& work, Communicator& ranks)
    : work_(work),
      ranks_(ranks),
      listeners_(work.knows_in_common() ? ranks.tree().neighbours_elsewhere()
                                        : ranks.tree().neighbours()),
      below_(ranks.tree().below.begin(), ranks.tree().below.end()),
      cpu_s_before_(cpu_seconds()),
      pace_(least_pace) {}

bool TreeTalk::take(const Message& message) {
  if (message.tag == Tag::news) {
    const double before = cpu_seconds();
    work_.learn(message.from, message.bytes);
    news_cpu_s_ += cpu_seconds() - before;
    return true;
  }
  if (message.tag == Tag::gather) {
    answer(unpacked<std::uint64_t>(message.bytes));
    return true;
  }
  if (message.tag != Tag::report) return false;
  take_report(message);
  return true;
}

void TreeTalk::take_report(const Message& message) {
  const double before = cpu_seconds();
  auto report = unpacked<Report>(message.bytes);
  if (!report.of_work.empty()) work_.absorb(report.of_work);
  merging_cpu_s_ += cpu_seconds() - before;
  done_.insert(done_.end(), report.done.begin(), report.done.end());
  cpu_s_ += report.cpu_s;
  if (report.last) below_.erase(message.from);
  if (report.last || report.answers == gathering_) awaited_.erase(message.from);
  if (asked_ && awaited_.empty()) send_report(gathering_, false);
  if (!ranks_.is_root() && report.last && over()) send_last();
}

void TreeTalk::tell() {
  if (ranks_.size() == 1) return;
  const auto now = Clock::now();
  if (now - told_ < pace_) return;
  told_ = now;
  if (asked_ && now - gather_began_ > time_to_answer()) send_report(gathering_, false);
  if (!ranks_.is_root() && !over() && work_.unreported() > long_report) send_report(0, false);
  if (listeners_.empty()) return;
  const double before = cpu_seconds();
  if (telling_cpu_s_ > most_telling * (before - cpu_s_before_)) return;
  const auto news = work_.news(listeners_);
  std::size_t longest = 0;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    longest = std::max(longest, news[i].size());
    const int to = listeners_[i];
    // One above hears of a rank until its last report, one below until it has sent its own.
    const bool listens = to == ranks_.tree().above ? !over() : below_.contains(to);
    if (!news[i].empty() && listens) ranks_.send(to, Tag::news, news[i]);
  }
  const double took = cpu_seconds() - before;
  news_cpu_s_ += took;
  telling_cpu_s_ += took;
  pace_ = longest < little_news ? std::min(pace_ * 2, most_pace) : least_pace;
}

std::chrono::seconds TreeTalk::time_to_answer() const { return ranks_.tree().height * 1s; }

void TreeTalk::answer(std::uint64_t gathering) {
  if (over()) return;
  gathering_ = gathering;
  gather_began_ = Clock::now();
  awaited_ = below_;
  for (const int rank : below_) ranks_.send(rank, Tag::gather, packed(gathering));
  asked_ = !ranks_.is_root();
  if (asked_ && awaited_.empty()) send_report(gathering, false);
}

void TreeTalk::gather() { answer(gathering_ + 1); }

bool TreeTalk::gathered() const {
  return awaited_.empty() || Clock::now() - gather_began_ > time_to_answer();
}

void TreeTalk::send_report(std::uint64_t answers, bool last) {
  const Report report{.done = joined(std::exchange(done_, {})),
                      .of_work = work_.report(),
                      .cpu_s = last ? cpu_s_ + cpu_seconds() - cpu_s_before_ : 0.0,
                      .answers = answers,
                      .last = last};
  ranks_.send(ranks_.tree().above, Tag::report, packed(report));
  asked_ = asked_ && answers != gathering_;
}

void TreeTalk::send_last() {
  asked_ = false;
  send_report(0, true);
}

void TreeTalk::finish() {
  finished_ = true;
  if (!ranks_.is_root() && over()) send_last();
}

void TreeTalk::take_until(Clock::time_point end, const std::function<bool()>& enough) {
  for (BackOff back_off; !enough() && Clock::now() < end;)
    if (const auto message = ranks_.poll())
      take(*message);
    else
      back_off.pause();
}

void TreeTalk::hand_over() {
  if (over()) return;
  if (!ranks_.is_root()) finish();
  take_until(Clock::now() + time_to_answer(), [this] { return below_.empty(); });
  if (!ranks_.is_root() && !below_.empty()) send_last();
}

void TreeTalk::gather_now() {
  gather();
  take_until(gather_began_ + time_to_answer(), [this] { return awaited_.empty(); });
}

}  // namespace rooflaw::cluster
