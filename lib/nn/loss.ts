// Losses as modules: the ops of the same meaning with their options fixed.
import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import type {
  BinaryLossOptions,
  ClassLossOptions,
  CrossEntropyOptions,
  CtcOptions,
  DiceOptions,
  FocalOptions,
  GaussianNllOptions,
  HuberOptions,
  KlDivOptions,
  Lengths,
  LogitsLossOptions,
  LossOptions,
  MarginOptions,
  MultiMarginOptions,
  PoissonNllOptions,
  SmoothL1Options,
  TripletDistanceOptions,
  TripletOptions,
} from '../ops/index.ts';
import {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  cosineEmbeddingLoss,
  crossEntropy,
  ctcLoss,
  diceLoss,
  focalLoss,
  gaussianNllLoss,
  hingeEmbeddingLoss,
  huberLoss,
  klDiv,
  l1Loss,
  marginRankingLoss,
  mseLoss,
  multiMarginLoss,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  nllLoss,
  poissonNllLoss,
  smoothL1Loss,
  softMarginLoss,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from '../ops/index.ts';
import { Module } from './module.ts';

export type { Reduction } from '../ops/index.ts';

/** Options of `CrossEntropyLoss`. */
export type CrossEntropyLossOptions = CrossEntropyOptions;

/** A loss with its options. */
abstract class LossModule<O extends object> extends Module {
  protected readonly chosen: O;

  constructor(options: O = {} as O) {
    super();
    checkOptions(new.target.name, options);
    this.chosen = options;
  }
}

/**
 * Cross-entropy of logits [N, C, ...] and labels [N, ...] or probabilities; see `crossEntropy`.
 *
 * @example
 * new nn.CrossEntropyLoss().forward(zeros([2, 4]), tensor(new Int32Array([0, 3]))); // log 4
 */
export class CrossEntropyLoss extends LossModule<CrossEntropyOptions> {
  forward(logits: Tensor, target: Tensor): Tensor {
    return crossEntropy(logits, target, this.chosen);
  }
}

/** |x − target|. See `l1Loss`. */
export class L1Loss extends LossModule<LossOptions> {
  forward(x: Tensor, target: Tensor): Tensor {
    return l1Loss(x, target, this.chosen);
  }
}

/** Mean of the squared differences. See `mseLoss`. */
export class MSELoss extends LossModule<LossOptions> {
  forward(x: Tensor, target: Tensor): Tensor {
    return mseLoss(x, target, this.chosen);
  }
}

/** A parabola for small errors, a line for large ones. See `smoothL1Loss`. */
export class SmoothL1Loss extends LossModule<SmoothL1Options> {
  forward(x: Tensor, target: Tensor): Tensor {
    return smoothL1Loss(x, target, this.chosen);
  }
}

/** A parabola for small errors, a line of slope δ for large ones. See `huberLoss`. */
export class HuberLoss extends LossModule<HuberOptions> {
  forward(x: Tensor, target: Tensor): Tensor {
    return huberLoss(x, target, this.chosen);
  }
}

/** The Kullback–Leibler divergence of `target` from a distribution given by its logarithm. See `klDiv`. */
export class KLDivLoss extends LossModule<KlDivOptions> {
  forward(logProbs: Tensor, target: Tensor): Tensor {
    return klDiv(logProbs, target, this.chosen);
  }
}

/** −log of the Poisson probability of `target`. See `poissonNllLoss`. */
export class PoissonNLLLoss extends LossModule<PoissonNllOptions> {
  forward(x: Tensor, target: Tensor): Tensor {
    return poissonNllLoss(x, target, this.chosen);
  }
}

/** −log of the normal density of `target`. See `gaussianNllLoss`. */
export class GaussianNLLLoss extends LossModule<GaussianNllOptions> {
  forward(x: Tensor, target: Tensor, variance: Tensor): Tensor {
    return gaussianNllLoss(x, target, variance, this.chosen);
  }
}

/** Binary cross-entropy of probabilities. See `binaryCrossEntropy`. */
export class BCELoss extends LossModule<BinaryLossOptions> {
  forward(probs: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropy(probs, target, this.chosen);
  }
}

/** Binary cross-entropy of logits. See `binaryCrossEntropyWithLogits`. */
export class BCEWithLogitsLoss extends LossModule<LogitsLossOptions> {
  forward(logits: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropyWithLogits(logits, target, this.chosen);
  }
}

/** Binary cross-entropy that plays easy examples down. See `focalLoss`. */
export class FocalLoss extends LossModule<FocalOptions> {
  forward(logits: Tensor, target: Tensor): Tensor {
    return focalLoss(logits, target, this.chosen);
  }
}

/** One minus the overlap of two masks. See `diceLoss`. */
export class DiceLoss extends LossModule<DiceOptions> {
  forward(probs: Tensor, target: Tensor): Tensor {
    return diceLoss(probs, target, this.chosen);
  }
}

/** log(1 + e^(−t x)) for targets of −1 and 1. See `softMarginLoss`. */
export class SoftMarginLoss extends LossModule<LossOptions> {
  forward(x: Tensor, target: Tensor): Tensor {
    return softMarginLoss(x, target, this.chosen);
  }
}

/** Distances of pairs: small for targets of 1, beyond the margin for −1. See `hingeEmbeddingLoss`. */
export class HingeEmbeddingLoss extends LossModule<MarginOptions> {
  forward(x: Tensor, target: Tensor): Tensor {
    return hingeEmbeddingLoss(x, target, this.chosen);
  }
}

/** Which of two scores should be the larger. See `marginRankingLoss`. */
export class MarginRankingLoss extends LossModule<MarginOptions> {
  forward(a: Tensor, b: Tensor, target: Tensor): Tensor {
    return marginRankingLoss(a, b, target, this.chosen);
  }
}

/** The right class by a margin above each other. See `multiMarginLoss`. */
export class MultiMarginLoss extends LossModule<MultiMarginOptions> {
  forward(scores: Tensor, labels: Tensor): Tensor {
    return multiMarginLoss(scores, labels, this.chosen);
  }
}

/** Every right class by a margin above each wrong one. See `multilabelMarginLoss`. */
export class MultiLabelMarginLoss extends LossModule<LossOptions> {
  forward(scores: Tensor, labels: Tensor): Tensor {
    return multilabelMarginLoss(scores, labels, this.chosen);
  }
}

/** Each class a yes-or-no question. See `multilabelSoftMarginLoss`. */
export class MultiLabelSoftMarginLoss extends LossModule<BinaryLossOptions> {
  forward(logits: Tensor, target: Tensor): Tensor {
    return multilabelSoftMarginLoss(logits, target, this.chosen);
  }
}

/** The anchor by a margin nearer to the positive. See `tripletMarginLoss`. */
export class TripletMarginLoss extends LossModule<TripletOptions> {
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginLoss(anchor, positive, negative, this.chosen);
  }
}

/** The anchor by a margin nearer to the positive, by a distance of one's own. See `tripletMarginWithDistanceLoss`. */
export class TripletMarginWithDistanceLoss extends LossModule<TripletDistanceOptions> {
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginWithDistanceLoss(anchor, positive, negative, this.chosen);
  }
}

/** Angles of pairs: none for targets of 1, wide for −1. See `cosineEmbeddingLoss`. */
export class CosineEmbeddingLoss extends LossModule<MarginOptions> {
  forward(a: Tensor, b: Tensor, target: Tensor): Tensor {
    return cosineEmbeddingLoss(a, b, target, this.chosen);
  }
}

/** −logProbs[label]. See `nllLoss`. */
export class NLLLoss extends LossModule<ClassLossOptions> {
  forward(logProbs: Tensor, labels: Tensor): Tensor {
    return nllLoss(logProbs, labels, this.chosen);
  }
}

/** Labels without times: all alignments summed. See `ctcLoss`. */
export class CTCLoss extends LossModule<CtcOptions> {
  forward(logProbs: Tensor, targets: Tensor, inputLengths: Lengths, targetLengths: Lengths): Tensor {
    return ctcLoss(logProbs, targets, inputLengths, targetLengths, this.chosen);
  }
}
