"""The programs that are compared: each file does the same work with another library.

``fit(sizes, batch, examples)`` returns a function that trains a network for one epoch:
784-32-10, say, with ReLU between and softmax with cross-entropy at the end, on the first
``examples`` images of MNIST. They are bytes in memory; each batch is drawn in a new random
order and scaled to 0..1, with the loss and the fraction correct kept over the epoch. Plain
SGD, float32. To draw the weights, and to convert the images to what a library wants, is not
part of the run.

With ``course``, it is what a course comes to after its first weeks: a batch normalisation
before each ReLU, dropout after it, and Adam.

``loop`` is the same for the walk-through's own way of writing it; ``predict`` gives the
probabilities of images, so many at a time; ``chain`` is many small operations;
``optimizer`` is a step of one over arrays of given shapes.
"""

ALPHA = 0.064
DROPPED = 0.2
