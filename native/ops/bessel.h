// wg::math: modified Bessel functions of the first kind, of order 0 and 1. Up to 8 by their power series,
// whose terms are all positive; beyond, e^-x sqrt(x) I(x) is a polynomial in 1 / x (Chebyshev interpolation
// in 40 digits).
#pragma once
#include "special.h"

namespace wg {
inline namespace WG_ISA {
namespace math {

/// A Bessel function, or e^-a times it, at a >= 0 from its value up to 8 and from e^-a sqrt(a) times it
/// beyond.
template <bool kScaled, class D, class Near, class Far>
WG_HD D besselParts(D a, Near near, Far far) {
  D result = near(a * a * D(0.25));
  if constexpr (kScaled) {
    const D power = exp(a * D(-0.5));
    result = result * power * power;
  }
  const auto beyond = a > D(8.0);
  if (anyOf(beyond)) {
    D tail = far(D(16.0) / a - D(1.0)) / sqrt(a);
    if constexpr (!kScaled) {
      // The function is finite a little longer than e^a.
      const D root = exp(a * D(0.5));
      tail = tail * root * root;
    }
    result = select(beyond, tail, result);
  }
  return result;
}

/// Beyond 800 the unscaled functions are infinite; infinity itself would give NaN.
template <bool kScaled, class D>
WG_HD D besselArgument(D x) {
  return kScaled ? abs(x) : minNum(D(800.0), abs(x));
}

/// I0(x), or e^-|x| I0(x). Within 4 ULP.
template <bool kScaled, class V>
WG_HD V besselI0(V x) {
  return inDouble(x, [](auto v) {
    using D = decltype(v);
    return besselParts<kScaled>(
        besselArgument<kScaled>(v),
        [](D z) {
          return polynomial(z, 1.0, 1.0, 0.25, 0.027777777777777776, 0.001736111111111111,
                            6.944444444444444e-05, 1.9290123456790124e-06, 3.936759889140842e-08,
                            6.151187326782565e-10, 7.594058428126624e-12, 7.594058428126623e-14,
                            6.276081345559193e-16, 4.358389823304995e-18, 2.5789288895295828e-20,
                            1.3157800456783586e-22, 5.8479113141260385e-25, 2.2843403570804838e-27,
                            7.904291893012054e-30, 2.4395962632753253e-32, 6.757884385804225e-35,
                            1.6894710964510564e-37, 3.8310002187098785e-40, 7.915289708078262e-43);
        },  // 2^-55
        [](D u) {
          return polynomial(
              u, 0.4021765094450081, 0.0033605519836678944, 0.00013621607439186705, 1.1143033787545386e-05,
              1.4838475687894938e-06, 2.9735996224521226e-07, 8.872214307451732e-08, 3.932437699533459e-08,
              2.15488936175863e-08, 7.566352487698237e-09, -6.750552282740284e-09, -1.346629294837396e-08,
              -5.394456734259438e-09, 7.737147033780934e-09, 7.406235049001522e-09, -3.905230623712341e-09,
              -5.91556056510856e-09, 2.1053080134403423e-09, 3.5985362919394714e-09, -1.1448789558755036e-09,
              -1.5930354799216344e-09, 5.122212147228388e-10, 4.4789181847911815e-10, -1.5066113686101474e-10,
              -5.905024573995148e-11, 2.0820835852793106e-11);
        });  // 2^-53.7
  });
}

/// I1(x), or e^-|x| I1(x). Within 4 ULP.
template <bool kScaled, class V>
WG_HD V besselI1(V x) {
  return inDouble(x, [](auto v) {
    using D = decltype(v);
    const D a = besselArgument<kScaled>(v);
    const D result = besselParts<kScaled>(
        a,
        [a](D z) {
          return a * D(0.5) *
                 polynomial(z, 1.0, 0.5, 0.08333333333333333, 0.006944444444444444, 0.00034722222222222224,
                            1.1574074074074073e-05, 2.755731922398589e-07, 4.920949861426052e-09,
                            6.834652585313961e-11, 7.594058428126623e-13, 6.903689480115112e-15,
                            5.230067787965994e-17, 3.352607556388458e-19, 1.842092063949702e-21,
                            8.771866971189057e-24, 3.654944571328774e-26, 1.3437296218120491e-28,
                            4.391273273895586e-31, 1.2839980333028028e-33, 3.3789421929021126e-36,
                            8.045100459290744e-39, 1.7413637357772174e-41, 3.4414303078601135e-44);
        },  // 2^-55
        [](D u) {
          return polynomial(
              u, 0.38939845902587233, -0.009749577193235768, -0.00021923576383382282, -1.5038547197358572e-05,
              -1.8349101357991557e-06, -3.4838567401229716e-07, -1.0001282610189342e-07,
              -4.312778920167609e-08, -2.337446787242448e-08, -8.43880090582137e-09, 6.737493433374833e-09,
              1.408852075202545e-08, 5.963645798166707e-09, -7.816968266767898e-09, -7.863004697555056e-09,
              3.803814960536081e-09, 6.202984113000443e-09, -1.992076551203188e-09, -3.75344338735913e-09,
              1.0715528639398075e-09, 1.657764699456319e-09, -4.798751536934023e-10, -4.6561597954216946e-10,
              1.417650842869536e-10, 6.135932778393812e-11, -1.9677083272584384e-11);
        });  // 2^-54
    return select(v < D(0.0), -result, result);
  });
}

}  // namespace math
}  // namespace WG_ISA
}  // namespace wg
