"""Judges labels: from models that have not seen a label to the probability that it is wrong, in NumPy.

In the order in which docs/evidence.md explains it, and a scan goes through it (`labelaudit.scanning.pool`):

- the models: `ridge` and `prototypes` leave each sample out exactly, `probes` are cross-fitted; all of them on vectors
  of `vectors`, with what they share in `linear`;
- the pool of them (`pool`), and the noise model that links true to given labels (`noise_model`, by a `channel`; fitted
  by `noise_fit` with `noise_diagonal` and `noise_sweeps`, in terms of `log_probs`);
- images of no class (`open_set`, which reads `strangeness`);
- the rate of wrong labels (`reading`, from `learning_curve` and `standing_out`);
- the answer, a mean of both views at that rate (`consensus`, `transition`);
- what is known beside it: other people's votes (`annotators`), sources of labels (`source_prior`), verdicts
  (`verdict_fit`, `verdict_spread`);
- the belief in each label, copies, groups and verdicts counted in (`belief`), and the decision: flags, suggestions and
  reasons (`decide`, `reasons`);
- the judge that is kept for new images (`judge`, with its `memory`).
"""

FILE = "judge.npz"
"""Name of a kept judge in a RUN folder."""
