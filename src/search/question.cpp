#include "rooflaw/search/question.hpp"

namespace rooflaw::search {

std::optional<Question> question_in_range(const Question& question, std::size_t law) {
  const model::LawRange& range = question.laws[law].range;
  if (question.space.within || range == model::LawRange{}) return std::nullopt;
  Question in_range = question;
  in_range.space.within = range;
  if (count_within(in_range.space) == 0) return std::nullopt;
  std::erase_if(in_range.targets, [law](const Target& target) { return target.law != law; });
  return in_range;
}

}  // namespace rooflaw::search
