// Schedules against the rates of PyTorch 1.13's, written down here.
import { strict as assert } from 'node:assert';
import { suite } from 'uvu';
import { optim, tensor } from '../../lib/index.ts';
import { close, rejects } from '../support/rejects.ts';

const test = suite('schedules');

const lr = 0.4;
const cases: readonly [string, optim.Schedule, readonly number[]][] = [
  [
    'StepLR',
    new optim.StepLR({ lr, stepSize: 3, gamma: 0.5 }),
    [0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05],
  ],
  [
    'MultiStepLR',
    new optim.MultiStepLR({ lr, milestones: [2, 5, 5, 9], gamma: 0.5 }),
    [0.4, 0.4, 0.2, 0.2, 0.2, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025],
  ],
  [
    'ExponentialLR',
    new optim.ExponentialLR({ lr, gamma: 0.8 }),
    [0.4, 0.32, 0.256, 0.2048, 0.16384, 0.131072, 0.1048576, 0.08388608, 0.067108864, 0.0536870912, 0.04294967296],
  ],
  [
    'CosineAnnealingLR',
    new optim.CosineAnnealingLR({ lr, period: 5, minLr: 0.01 }),
    [
      0.4, 0.362758313903, 0.265258313903, 0.144741686097, 0.0472416860969, 0.01, 0.0472416860969, 0.144741686097,
      0.265258313903, 0.362758313903, 0.4, 0.362758313903,
    ],
  ],
  [
    'CosineAnnealingWarmRestarts',
    new optim.CosineAnnealingWarmRestarts({ lr, period: 3, factor: 2, minLr: 0.01 }),
    [
      0.4, 0.3025, 0.1075, 0.4, 0.373874953738, 0.3025, 0.205, 0.1075, 0.036125046262, 0.4, 0.393355536126,
      0.373874953738,
    ],
  ],
  [
    'OneCycleLR',
    new optim.OneCycleLR({ lr, totalSteps: 12 }),
    [
      0.016, 0.139915861688, 0.351714063649, 0.39776617418, 0.373205187937, 0.32469826158, 0.258951599078,
      0.185054841067, 0.113224399283, 0.0533910120755, 0.0138267949702, 1.6e-6,
    ],
  ],
  [
    'OneCycleLR, linear',
    new optim.OneCycleLR({
      lr,
      totalSteps: 12,
      warmupShare: 0.5,
      divFactor: 10,
      finalDivFactor: 100,
      anneal: 'linear',
    }),
    [0.04, 0.112, 0.184, 0.256, 0.328, 0.4, 0.3334, 0.2668, 0.2002, 0.1336, 0.067, 0.0004, 0.0004],
  ],
  [
    'PolynomialLR',
    new optim.PolynomialLR({ lr, totalSteps: 8, power: 2 }),
    [0.4, 0.30625, 0.225, 0.15625, 0.1, 0.05625, 0.025, 0.00625, 0, 0, 0],
  ],
  [
    'LinearWarmup',
    new optim.LinearWarmup({ lr, warmupSteps: 4, after: new optim.StepLR({ lr, stepSize: 2, gamma: 0.5 }) }),
    [0.1, 0.2, 0.3, 0.4, 0.4, 0.4, 0.2, 0.2, 0.1],
  ],
  ['LinearWarmup alone', new optim.LinearWarmup({ lr, warmupSteps: 2 }), [0.2, 0.4, 0.4, 0.4]],
];

for (const [name, schedule, wanted] of cases) {
  test(name, () => {
    close(
      wanted.map((_, step) => schedule.lrAt(step)),
      wanted,
      1e-10,
    );
    const optimizer = new optim.SGD([tensor([1], { requiresGrad: true })], { lr: 1 });
    schedule.apply(optimizer, 3);
    close([optimizer.lr], [wanted[3] as number], 1e-10);
  });
}

test('ReduceLROnPlateau falls when PyTorch does, and its state goes round', () => {
  const metrics = [5, 4, 4, 4, 3.9999, 4, 4, 3, 3, 3, 3, 3, 3, Number.NaN, 3, 3, 2];
  const options = { lr, factor: 0.5, patience: 2 };
  const schedule = new optim.ReduceLROnPlateau(options);
  const wanted = [0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05];
  const rates = metrics.slice(0, 9).map((metric) => schedule.step(metric));
  const again = new optim.ReduceLROnPlateau(options);
  again.loadStateDict(JSON.parse(JSON.stringify(schedule.stateDict())) as optim.PlateauState);
  close([...rates, ...metrics.slice(9).map((metric) => again.step(metric))], wanted, 1e-12);
  assert.equal(again.lrAt(7), again.lrAt(0));

  const climbing = new optim.ReduceLROnPlateau({
    lr,
    mode: 'max',
    patience: 0,
    threshold: 0.5,
    thresholdMode: 'absolute',
    cooldown: 2,
    minLr: 0.001,
  });
  close(
    metrics.map((metric) => climbing.step(metric)),
    [0.4, 0.04, 0.04, 0.04, 0.004, 0.004, 0.004, ...new Array<number>(10).fill(0.001)],
    1e-12,
  );
});

test('schedules refuse what makes no sense', () => {
  rejects(() => new optim.StepLR({ lr, stepSize: 0 }), 'ERR_ARGUMENT', /stepSize/);
  rejects(() => new optim.StepLR({ lr: -1, stepSize: 1 }), 'ERR_ARGUMENT', /lr/);
  rejects(() => new optim.MultiStepLR({ lr, milestones: [Number.NaN] }), 'ERR_ARGUMENT', /milestone/);
  rejects(() => new optim.PolynomialLR({ lr, totalSteps: 2.5 }), 'ERR_ARGUMENT', /whole number, got 2\.5/);
  rejects(() => new optim.OneCycleLR({ lr, totalSteps: 5, warmupShare: 1 }), 'ERR_ARGUMENT', /warmupShare/);
  rejects(() => new optim.CosineAnnealingLR({ lr, period: 0 }), 'ERR_ARGUMENT', /period/);
  rejects(
    () => new optim.LinearWarmup({ lr, warmupSteps: 1, after: {} as unknown as optim.Schedule }),
    'ERR_ARGUMENT',
    /after: wanted a Schedule/,
  );
  const plateau = new optim.ReduceLROnPlateau({ lr });
  rejects(() => plateau.step('x' as unknown as number), 'ERR_ARGUMENT', /wanted a number/);
  rejects(() => plateau.loadStateDict({} as optim.PlateauState), 'ERR_ARGUMENT', /lr/);
  rejects(() => new optim.ReduceLROnPlateau({ lr, factor: 1 }), 'ERR_ARGUMENT', /factor/);
});

test.run();
