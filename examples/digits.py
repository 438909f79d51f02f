# The six steps on handwritten digits. Data: the 1,797 digits of 8x8 pixels that scikit-learn ships.
# Run it with `millstream run examples/digits.py`; it is an ordinary TensorFlow 2 program.
import tensorflow as tf  # step 1: import
from sklearn import datasets
from matplotlib import pyplot as plt
import numpy as np

# step 2: train and test
digits = datasets.load_digits()
x, y = digits.images, digits.target
np.random.seed(116)
np.random.shuffle(x)
np.random.seed(116)
np.random.shuffle(y)
tf.random.set_seed(116)
x = x / 16.0
x_train, y_train = x[:-360], y[:-360]
x_test, y_test = x[-360:], y[-360:]

# step 3: the network
model = tf.keras.models.Sequential([
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(128, activation='relu'),
    tf.keras.layers.Dense(10, activation='softmax')
])

# step 4: how to train it
model.compile(optimizer='adam',
              loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=False),
              metrics=['sparse_categorical_accuracy'])

# step 5: train
history = model.fit(x_train, y_train, batch_size=32, epochs=20, validation_data=(x_test, y_test), validation_freq=1)

# step 6: look at it
model.summary()

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print('test accuracy: %.4f' % accuracy)

plt.figure(figsize=(9, 4))
plt.subplot(1, 2, 1)
plt.plot(history.history['sparse_categorical_accuracy'], label='Training Accuracy')
plt.plot(history.history['val_sparse_categorical_accuracy'], label='Validation Accuracy')
plt.title('Training and Validation Accuracy')
plt.legend()
plt.subplot(1, 2, 2)
plt.plot(history.history['loss'], label='Training Loss')
plt.plot(history.history['val_loss'], label='Validation Loss')
plt.title('Training and Validation Loss')
plt.legend()
plt.savefig('digits.png')
print('curves: digits.png')
