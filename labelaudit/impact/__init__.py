"""Measures whether cleaning helped: one model, trained on the given and on the cleaned labels, judged on labels people
stand for.

The model is the shrunk linear discriminant of `labelaudit.judge.probes` on the features of the scan: no seed of its
own, a second a fit, and it does feel label noise. Each seed draws one set of random weights for the training samples
(the Bayesian bootstrap, Rubin 1981), the same for both trainings, which stands for having collected the data once more.
Test labels are supplied, or they are the reviewed samples, each judged by models of other folds; where the review was
planned, each counts for the samples that it was drawn for.

Seeds and test images are crossed: every model judges the same images. So both are resampled, with the pair (given,
cleaned) kept together (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1), and the 90 % interval
holds for other images and other trainings. Resampling images alone would call one lucky training a result.

Left out: networks that can learn labels by heart; they gain more from clean labels than a linear model does, so
"helped" carries over to them more surely than "did not help".
"""

from labelaudit.impact.measuring import measure

__all__ = ["measure"]
