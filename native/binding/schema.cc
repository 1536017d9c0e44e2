// The op table as JavaScript sees it: what lib/native builds its encoders from, and what `npm run gen` prints
// as types.
#include "binding.h"

namespace wg {
namespace {

template <class P>
void addStruct(Napi::Env env, Napi::Object structs) {
  auto members = Napi::Array::New(env);
  const auto add = [&](auto&& self, const auto& list) -> void {
    if constexpr (requires { list.head; }) {
      members.Set(members.Length(), Napi::String::New(env, list.head.name));
      self(self, list.tail);
    }
  };
  add(add, P::kFields);
  structs.Set(P::kName, members);
}

Napi::Value schema(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto result = Napi::Object::New(env);
  auto ops = Napi::Array::New(env);
  for (const OpEntry& entry : kOps) {
    auto row = Napi::Object::New(env);
    auto types = Napi::Array::New(env);
    entry.types(&types, [](void* context, const char* type) {
      auto& list = *static_cast<Napi::Array*>(context);
      list.Set(list.Length(), Napi::String::New(list.Env(), type));
    });
    row.Set("name", Napi::String::New(env, entry.name));
    row.Set("arguments", Napi::String::New(env, entry.names));
    row.Set("types", types);
    ops.Set(ops.Length(), row);
  }
  auto structs = Napi::Object::New(env);
  addStruct<MatmulParams>(env, structs);
  addStruct<Conv2dParams>(env, structs);
  addStruct<Conv3dParams>(env, structs);
  addStruct<Im2colParams>(env, structs);
  addStruct<PadParams>(env, structs);
  addStruct<Pool2dParams>(env, structs);
  addStruct<ResampleParams>(env, structs);
  addStruct<GridSampleParams>(env, structs);
  addStruct<AttentionParams>(env, structs);
  auto dtypes = Napi::Array::New(env);
#define WG_DTYPE(name, text, bytes)                  \
  {                                                  \
    auto row = Napi::Object::New(env);               \
    row.Set("name", Napi::String::New(env, text));   \
    row.Set("bytes", Napi::Number::New(env, bytes)); \
    dtypes.Set(dtypes.Length(), row);                \
  }
  WG_DTYPES(WG_DTYPE)
#undef WG_DTYPE
  result.Set("ops", ops);
  result.Set("structs", structs);
  result.Set("dtypes", dtypes);
  result.Set("abi", Napi::Number::New(env, abi()));
  return result;
}

}  // namespace

void defineSchema(Napi::Env env, Napi::Object exports) { define<schema>(env, exports, "schema"); }

}  // namespace wg
