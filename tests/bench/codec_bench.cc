// The contenders of codec_bench.py: conversions of one message, side by side on one core.
//
//   codec_bench DESCRIPTORS ROUNDS SAMPLE_MS MESSAGE_TYPE=JSON_FILE...
//
// First each contender's result is parsed and compared with the others'.  Then, in every round,
// each of them runs for SAMPLE_MS right after the other, in alternating order.  Prints lines
//
//   wire FILE BYTES
//   time FILE DIRECTION CONTENDER ROUND NANOSECONDS
//
// with times of the thread on its CPU, for one conversion.  Exit status 1: results differ, or what
// is asked for is not there.

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <jansson.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/codec_sluice.h"

namespace {

namespace pb = google::protobuf;

const char kTypePrefix[] = "type.googleapis.com";
constexpr int kTreesMax = 64;              // of jansson, alive at once
constexpr size_t kTreesText = 1024 * 1024; // bytes of text that they are made of

[[noreturn]] void Fail(const std::string &what) {
  fprintf(stderr, "codec_bench: %s\n", what.c_str());
  exit(1);
}

void Check(bool ok, const std::string &what) {
  if (!ok) Fail(what);
}

void CheckStatus(const pb::util::Status &status, const std::string &what) {
  if (!status.ok()) Fail(what + ": " + status.ToString());
}

int64_t CpuNow() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * int64_t{ 1000000000 } + t.tv_nsec;
}

std::string ReadFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  Check(file.good(), "cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void LoadDescriptors(const std::string &path, pb::DescriptorPool *pool) {
  pb::FileDescriptorSet set;
  Check(set.ParseFromString(ReadFile(path)), path + " is no descriptor set");
  for (const auto &file : set.file())
    Check(pool->BuildFile(file) != nullptr, file.name());
}

// One way to convert, from a text or bytes that never change.
struct Contender {
  std::string direction, name;
  std::function<int64_t(int64_t)> run; // that many conversions: nanoseconds
  std::function<std::string()> result; // of one conversion: JSON text, or wire bytes
  bool gives_json;
  int64_t count = 1; // conversions in a sample
};

// One message and all that convert it.
class Case {
public:
  Case(const pb::DescriptorPool &pool, const pb::Message &prototype,
       const std::string &descriptor_path, const std::string &file)
      : file_(file), message_(prototype.New()), scratch_(prototype.New()),
        resolver_(pb::util::NewTypeResolverForDescriptorPool(kTypePrefix, &pool)) {
    const std::string &type = prototype.GetDescriptor()->full_name();
    type_url_ = std::string(kTypePrefix) + "/" + type;
    sluice_.reset(codec_sluice_new(descriptor_path.c_str(), type.c_str()));
    Check(sluice_ != nullptr, "sluice does not load " + type);
    padded_ = ReadFile(file);
    size_t json_n = padded_.size();
    padded_.append(codec_sluice_json_pad(), '\0');
    json_ = std::string_view(padded_).substr(0, json_n);
    CheckStatus(pb::util::JsonStringToMessage(std::string(json_), message_.get()), "the input");
    wire_ = message_->SerializeAsString();
    tree_.reset(json_loadb(json_.data(), json_.size(), 0, nullptr));
    AddToWire();
    AddToJson();
  }

  // Parses what each contender gives: all must be the same message.
  void CheckResults() {
    for (Contender &contender : contenders_) {
      std::string result = contender.result();
      const std::string what = file_ + ", " + contender.direction + ", " + contender.name;
      if (contender.gives_json) {
        CheckStatus(pb::util::JsonStringToMessage(result, scratch_.get()), what);
      } else {
        Check(scratch_->ParseFromString(result), what + ": no message");
      }
      Check(pb::util::MessageDifferencer::Equals(*message_, *scratch_), what + ": differs");
    }
    printf("wire %s %zu\n", file_.c_str(), wire_.size());
  }

  void Calibrate(int64_t sample_ns) {
    for (Contender &contender : contenders_) {
      int64_t ns = contender.run(1);
      while (ns < sample_ns / 2) {
        contender.count *= 2;
        ns = contender.run(contender.count);
      }
    }
  }

  void Round(const std::string &direction, int round) {
    std::vector<Contender *> order;
    for (Contender &contender : contenders_) {
      if (contender.direction == direction) order.push_back(&contender);
    }
    if (round % 2 != 0) std::reverse(order.begin(), order.end());
    for (Contender *c : order) {
      double ns = static_cast<double>(c->run(c->count)) / static_cast<double>(c->count);
      printf("time %s %s %s %d %.2f\n", file_.c_str(), direction.c_str(), c->name.c_str(), round,
             ns);
    }
  }

private:
  // `convert` leaves its result in result_.
  template <typename Convert>
  void Add(const char *direction, const char *name, bool gives_json, Convert convert) {
    auto run = [convert](int64_t count) {
      int64_t begin = CpuNow();
      for (int64_t i = 0; i < count; i++)
        convert();
      return CpuNow() - begin;
    };
    auto result = [this, convert] {
      convert();
      return std::string(result_);
    };
    contenders_.push_back({ direction, name, run, result, gives_json });
  }

  void AddToWire() {
    Add("json_to_wire", "sluice", false, [this] {
      const char *out;
      size_t n;
      Check(codec_sluice_json_to_wire(sluice_.get(), json_.data(), json_.size(), &out, &n), file_);
      result_ = { out, n };
    });
    Add("json_to_wire", "stream", false, [this] {
      pb::io::ArrayInputStream in(json_.data(), static_cast<int>(json_.size()));
      out_.clear();
      pb::io::StringOutputStream out(&out_);
      CheckStatus(pb::util::JsonToBinaryStream(resolver_.get(), type_url_, &in, &out), file_);
      result_ = out_;
    });
    Add("json_to_wire", "dynamic", false, [this] {
      CheckStatus(pb::util::JsonStringToMessage({ json_.data(), json_.size() }, scratch_.get()),
                  file_);
      Check(scratch_->SerializeToString(&out_), file_);
      result_ = out_;
    });
    contenders_.push_back({ "json_to_wire", "jansson",
                            [this](int64_t count) { return TimeJanssonParse(count); },
                            [this] {
                              Check(tree_ != nullptr, "jansson: " + file_);
                              Dump();
                              return std::string(result_);
                            },
                            true });
  }

  void AddToJson() {
    Add("wire_to_json", "sluice", true, [this] {
      const char *out;
      size_t n;
      Check(codec_sluice_wire_to_json(sluice_.get(), wire_.data(), wire_.size(), &out, &n), file_);
      result_ = { out, n };
    });
    Add("wire_to_json", "stream", true, [this] {
      pb::io::ArrayInputStream in(wire_.data(), static_cast<int>(wire_.size()));
      out_.clear();
      pb::io::StringOutputStream out(&out_);
      CheckStatus(pb::util::BinaryToJsonStream(resolver_.get(), type_url_, &in, &out), file_);
      result_ = out_;
    });
    Add("wire_to_json", "dynamic", true, [this] {
      Check(scratch_->ParseFromString(wire_), file_);
      out_.clear();
      CheckStatus(pb::util::MessageToJsonString(*scratch_, &out_), file_);
      result_ = out_;
    });
    Add("wire_to_json", "jansson", true, [this] { Dump(); });
  }

  void Dump() {
    dumped_.reset(json_dumps(tree_.get(), JSON_COMPACT));
    Check(dumped_ != nullptr, "jansson: " + file_);
    result_ = dumped_.get();
  }

  // Parsing alone: the trees are freed while the clock stands.
  int64_t TimeJanssonParse(int64_t count) {
    json_t *trees[kTreesMax];
    int64_t ns = 0;
    const int64_t at_once =
        std::max<int64_t>(1, std::min<int64_t>(kTreesMax, kTreesText / json_.size()));
    for (int64_t done = 0; done < count;) {
      int64_t n = std::min(at_once, count - done), begin = CpuNow();
      for (int64_t i = 0; i < n; i++)
        trees[i] = json_loadb(json_.data(), json_.size(), 0, nullptr);
      ns += CpuNow() - begin;
      for (int64_t i = 0; i < n; i++)
        json_decref(trees[i]);
      done += n;
    }
    return ns;
  }

  struct Free {
    void operator()(codec_sluice *sluice) const { codec_sluice_free(sluice); }
    void operator()(json_t *tree) const { json_decref(tree); }
    void operator()(char *text) const { free(text); }
  };

  std::string file_, padded_, type_url_, wire_, out_;
  std::string_view json_, result_;
  std::unique_ptr<pb::Message> message_, scratch_;
  std::unique_ptr<pb::util::TypeResolver> resolver_;
  std::unique_ptr<codec_sluice, Free> sluice_;
  std::unique_ptr<json_t, Free> tree_;
  std::unique_ptr<char, Free> dumped_;
  std::vector<Contender> contenders_;
};

void Run(const std::string &descriptor_path, int rounds, int64_t sample_ns,
         const std::vector<std::string> &inputs) {
  pb::DescriptorPool pool;
  LoadDescriptors(descriptor_path, &pool);
  pb::DynamicMessageFactory factory;
  std::vector<std::unique_ptr<Case>> cases;
  for (const std::string &input : inputs) {
    const std::string type = input.substr(0, input.find('='));
    const pb::Descriptor *descriptor = pool.FindMessageTypeByName(type);
    Check(descriptor != nullptr && type.size() < input.size(), "no message " + type);
    cases.push_back(std::make_unique<Case>(pool, *factory.GetPrototype(descriptor), descriptor_path,
                                           input.substr(type.size() + 1)));
    cases.back()->CheckResults();
    cases.back()->Calibrate(sample_ns);
  }
  for (int round = 0; round < rounds; round++) {
    for (auto &one : cases) {
      one->Round("json_to_wire", round);
      one->Round("wire_to_json", round);
    }
    fflush(stdout);
  }
}

} // namespace

int main(int argc, char **argv) {
  Check(argc >= 5, "usage: codec_bench DESCRIPTORS ROUNDS SAMPLE_MS MESSAGE_TYPE=JSON_FILE...");
  Run(argv[1], atoi(argv[2]), atoi(argv[3]) * int64_t{ 1000000 },
      std::vector<std::string>(argv + 4, argv + argc));
  return 0;
}
