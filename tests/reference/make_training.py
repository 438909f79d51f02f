"""Make training.json and trajectories.npz: losses, metrics and weights of TensorFlow 2.4 along small trainings.

Run with the Python of an environment that holds TensorFlow 2.4.4 and scikit-learn:

    python make_training.py

training.json: name -> `code` and `result`; the code sets `result`, a dictionary of numbers and (nested) lists.
trajectories.npz: `case/name` arrays of the programs in TRAJECTORIES, whose code is in trajectories.json.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
DATA = """
r = np.random.RandomState(3)
x = r.uniform(-1, 1, (20, 3)).astype('float32')
w = r.uniform(-1, 1, (3, 2)).astype('float32')
y = (x @ w + 0.1 * r.uniform(-1, 1, (20, 2))).astype('float32')
labels = r.randint(0, 3, 20)
kernel = r.uniform(-1, 1, (3, 2)).astype('float32')
kernel3 = r.uniform(-1, 1, (3, 3)).astype('float32')
"""
STEPS = """
tf.random.set_seed(7)
model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
model.set_weights([kernel, np.zeros(2)])
model.compile(OPTIMIZER, 'mse')
losses = [model.train_on_batch(x[i % 5 * 4:][:4], y[i % 5 * 4:][:4]) for i in range(10)]
result = dict(losses=losses, weights=[v.tolist() for v in model.get_weights()], names=[v.name for v in model.optimizer.weights],
              slots=[v.tolist() for v in model.optimizer.get_weights()])
"""
OPTIMIZERS: dict[str, str] = {
    "sgd": "tf.keras.optimizers.SGD(0.1)",
    "sgd_by_name": "'sgd'",
    "sgd_momentum": "tf.keras.optimizers.SGD(0.1, momentum=0.9)",
    "sgd_nesterov": "tf.keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)",
    "sgd_decay": "tf.keras.optimizers.SGD(0.1, decay=0.1)",
    "sgd_momentum_decay": "tf.keras.optimizers.SGD(0.1, momentum=0.5, decay=0.1)",
    "sgd_clipnorm": "tf.keras.optimizers.SGD(0.1, clipnorm=0.1)",
    "sgd_clipvalue": "tf.keras.optimizers.SGD(0.1, clipvalue=0.05)",
    "sgd_global_clipnorm": "tf.keras.optimizers.SGD(0.1, global_clipnorm=0.1)",
    "sgd_exponential_decay": "tf.keras.optimizers.SGD(tf.keras.optimizers.schedules.ExponentialDecay(0.2, 3, 0.5))",
    "sgd_exponential_decay_staircase": "tf.keras.optimizers.SGD(tf.keras.optimizers.schedules.ExponentialDecay(0.2, 3, 0.5, staircase=True))",
    "sgd_piecewise": "tf.keras.optimizers.SGD(tf.keras.optimizers.schedules.PiecewiseConstantDecay([2, 5], [0.2, 0.1, 0.05]))",
    "sgd_polynomial": "tf.keras.optimizers.SGD(tf.keras.optimizers.schedules.PolynomialDecay(0.2, 8, 0.01, power=2.0))",
    "sgd_inverse_time": "tf.keras.optimizers.SGD(tf.keras.optimizers.schedules.InverseTimeDecay(0.2, 3, 0.5))",
    "adagrad": "tf.keras.optimizers.Adagrad(0.1)",
    "adagrad_initial": "tf.keras.optimizers.Adagrad(0.1, initial_accumulator_value=0.5, epsilon=1e-3)",
    "adagrad_by_name": "'adagrad'",
    "rmsprop": "tf.keras.optimizers.RMSprop(0.01)",
    "rmsprop_by_name": "'rmsprop'",
    "rmsprop_momentum": "tf.keras.optimizers.RMSprop(0.01, rho=0.8, momentum=0.9)",
    "rmsprop_centered": "tf.keras.optimizers.RMSprop(0.01, centered=True)",
    "rmsprop_centered_momentum": "tf.keras.optimizers.RMSprop(0.01, momentum=0.5, epsilon=1e-3, centered=True)",
    "adam": "tf.keras.optimizers.Adam(0.01)",
    "adam_by_name": "'adam'",
    "adam_amsgrad": "tf.keras.optimizers.Adam(0.01, amsgrad=True)",
    "adam_betas": "tf.keras.optimizers.Adam(0.01, beta_1=0.5, beta_2=0.7, epsilon=0.1)",
    "adam_decay": "tf.keras.optimizers.Adam(0.01, decay=0.1)",
    "adam_lr_keyword": "tf.keras.optimizers.Adam(lr=0.02)",
    "adam_clipnorm": "tf.keras.optimizers.Adam(0.01, clipnorm=0.1)",
    "adadelta": "tf.keras.optimizers.Adadelta(1.0)",
    "adadelta_by_name": "'adadelta'",
    "adadelta_rho": "tf.keras.optimizers.Adadelta(0.5, rho=0.5, epsilon=1e-3)",
    "adamax": "tf.keras.optimizers.Adamax(0.01)",
    "adamax_by_name": "'adamax'",
    "nadam": "tf.keras.optimizers.Nadam(0.01)",
    "nadam_by_name": "'nadam'",
    "ftrl": "tf.keras.optimizers.Ftrl(0.1)",
    "ftrl_by_name": "'ftrl'",
    "ftrl_l1_l2": "tf.keras.optimizers.Ftrl(0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.02, l2_shrinkage_regularization_strength=0.03)",
    "ftrl_power": "tf.keras.optimizers.Ftrl(0.1, learning_rate_power=-0.7, initial_accumulator_value=0.2, beta=0.1)",
}
DENSE = """
model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
model.set_weights([kernel, np.zeros(2)])
"""
SOFTMAX = """
model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation='softmax', input_shape=(3,))])
model.set_weights([kernel3, np.zeros(3)])
"""
FIT = """
h = model.fit(x, TARGET, batch_size=6, epochs=3, shuffle=False, verbose=0ARGUMENTS)
result = dict(history=h.history, weights=[v.tolist() for v in model.get_weights()])
"""


def fit(target: str = "y", arguments: str = "") -> str:
    """The usual three epochs of four batches, the last one short."""
    return FIT.replace("TARGET", target).replace("ARGUMENTS", arguments and ", " + arguments)


SGD = "tf.keras.optimizers.SGD(0.1)"
OPTIONS: dict[str, str] = {
    "class_weight": SOFTMAX
    + f"model.compile({SGD}, 'sparse_categorical_crossentropy', metrics=['accuracy'])"
    + fit("labels", "class_weight={0: 1.0, 1: 2.0, 2: 0.5}"),
    "class_weight_one_hot": SOFTMAX
    + f"model.compile({SGD}, 'categorical_crossentropy', metrics=['accuracy'])"
    + fit("np.eye(3)[labels]", "class_weight={0: 1.0, 1: 2.0, 2: 0.5}"),
    "class_weight_and_sample_weight": SOFTMAX
    + f"model.compile({SGD}, 'sparse_categorical_crossentropy', metrics=['accuracy'], weighted_metrics=['accuracy'])"
    + fit("labels", "class_weight={0: 1.0, 1: 2.0, 2: 0.5}, sample_weight=np.linspace(0, 2, 20)"),
    "sample_weight": DENSE
    + f"model.compile({SGD}, 'mse', metrics=['mae'], weighted_metrics=['mse'])"
    + fit("y", "sample_weight=np.linspace(0, 2, 20)"),
    "sample_weight_zero": DENSE
    + f"model.compile({SGD}, 'mse', metrics=['mae'], weighted_metrics=['mse'])"
    + fit("y", "sample_weight=np.zeros(20)"),
    "sample_weight_of_a_temporal_output": "model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(2, 3))])\nmodel.set_weights([kernel, np.zeros(2)])\nmodel.compile('sgd', 'mse')\nh = model.fit(x.reshape(10, 2, 3), y.reshape(10, 2, 2), sample_weight=np.linspace(0, 2, 20).reshape(10, 2), batch_size=4, epochs=2, shuffle=False, verbose=0)\nresult = dict(history=h.history, weights=[v.tolist() for v in model.get_weights()])\n",
    "validation_split": DENSE + f"model.compile({SGD}, 'mse', metrics=['mae'])" + fit("y", "validation_split=0.3"),
    "validation_split_with_weights": DENSE
    + f"model.compile({SGD}, 'mse', metrics=['mae'])"
    + fit("y", "validation_split=0.3, sample_weight=np.linspace(0, 2, 20)"),
    "validation_with_weights": DENSE
    + f"model.compile({SGD}, 'mse', metrics=['mae'], weighted_metrics=['mse'])"
    + fit("y", "validation_data=(x[:7], y[:7], np.arange(7.))"),
    "shuffled": "tf.random.set_seed(5)\n" + DENSE + f"model.compile({SGD}, 'mse', metrics=['mae'])" + fit().replace(", shuffle=False", ""),
    "shuffled_validation_split": "tf.random.set_seed(5)\n"
    + DENSE
    + f"model.compile({SGD}, 'mse', metrics=['mae'])"
    + fit("y", "validation_split=0.25").replace(", shuffle=False", ""),
    "initialised_and_shuffled": "tf.random.set_seed(5)\nmodel = tf.keras.Sequential([tf.keras.layers.Dense(4, activation='relu'), tf.keras.layers.Dense(2)])\n"
    + f"model.compile({SGD}, 'mse', metrics=['mae'])"
    + fit().replace(", shuffle=False", ""),
    "two_fits": "tf.random.set_seed(5)\n"
    + DENSE
    + f"model.compile({SGD}, 'mse', metrics=['mae'])\nmodel.fit(x, y, batch_size=8, epochs=2, verbose=0)"
    + fit().replace(", shuffle=False", ""),
    "dropout": "tf.random.set_seed(5)\nmodel = tf.keras.Sequential([tf.keras.layers.Dropout(0.5, input_shape=(3,)), tf.keras.layers.Dense(2)])\nmodel.set_weights([kernel, np.zeros(2)])\n"
    + f"model.compile({SGD}, 'mse', metrics=['mae'])"
    + fit("y", "validation_data=(x, y)"),
    "shuffled_dropout": "tf.random.set_seed(5)\nmodel = tf.keras.Sequential([tf.keras.layers.Dense(8, activation='relu'), tf.keras.layers.Dropout(0.25), tf.keras.layers.Dense(2)])\n"
    + f"model.compile({SGD}, 'mse', metrics=['mae'])"
    + fit("y", "validation_data=(x, y)").replace(", shuffle=False", ""),
    "kernel_regularizer_l2": "model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), kernel_regularizer='l2', bias_regularizer=tf.keras.regularizers.l1(0.1))])\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse', metrics=['mae'])"
    + fit("y", "validation_data=(x, y)"),
    "regularizer_l1_l2": "model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), kernel_regularizer=tf.keras.regularizers.l1_l2(0.01, 0.02))])\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse')"
    + fit(),
    "activity_regularizer": "model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), activity_regularizer='l2')])\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse')"
    + fit(),
    "constraint_max_norm": "model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), kernel_constraint=tf.keras.constraints.MaxNorm(0.5))])\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse')"
    + fit(),
    "constraint_non_negative": "model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), kernel_constraint='non_neg')])\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse')"
    + fit(),
    "constraint_unit_norm": "model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), kernel_constraint='unit_norm')])\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse')"
    + fit(),
    "frozen_layer": "model = tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(3,), activation='relu'), tf.keras.layers.Dense(2)])\nmodel.set_weights([kernel3, np.ones(3), kernel, np.ones(2)])\nmodel.layers[0].trainable = False\n"
    + f"model.compile({SGD}, 'mse')"
    + fit(),
    "add_loss_in_a_layer": "class Penalty(tf.keras.layers.Layer):\n    def call(self, inputs):\n        self.add_loss(0.1 * tf.reduce_mean(tf.square(inputs)))\n        return inputs\nmodel = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,)), Penalty()])\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse', metrics=['mae'])"
    + fit("y", "validation_data=(x, y)"),
    "add_loss_on_a_functional_model": "i = tf.keras.Input((3,))\no = tf.keras.layers.Dense(2)(i)\nmodel = tf.keras.Model(i, o)\nmodel.add_loss(0.1 * tf.reduce_mean(tf.abs(o)))\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse')"
    + fit(),
    "add_loss_alone": "i, t = tf.keras.Input((3,)), tf.keras.Input((2,))\no = tf.keras.layers.Dense(2)(i)\nmodel = tf.keras.Model([i, t], o)\nmodel.add_loss(tf.reduce_mean(tf.square(o - t)))\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD})\nh = model.fit([x, y], batch_size=6, epochs=2, shuffle=False, verbose=0)\nresult = dict(history=h.history, weights=[v.tolist() for v in model.get_weights()])\n",
    "add_metric_in_a_layer": "class Watch(tf.keras.layers.Layer):\n    def call(self, inputs):\n        self.add_metric(tf.reduce_max(inputs), name='largest', aggregation='mean')\n        return inputs\nmodel = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,)), Watch()])\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse', metrics=['mae'])"
    + fit("y", "validation_data=(x, y)"),
    "add_metric_on_a_functional_model": "i = tf.keras.Input((3,))\no = tf.keras.layers.Dense(2)(i)\nmodel = tf.keras.Model(i, o)\nmodel.add_metric(tf.reduce_max(o), name='largest', aggregation='mean')\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse')"
    + fit(),
    "subclass_add_loss_and_metric": "class M(tf.keras.Model):\n    def __init__(self):\n        super().__init__()\n        self.d = tf.keras.layers.Dense(2)\n    def call(self, inputs, training=None):\n        out = self.d(inputs)\n        if training:\n            self.add_loss(0.1 * tf.reduce_mean(tf.square(out)))\n        self.add_metric(tf.reduce_mean(out), name='middle', aggregation='mean')\n        return out\nmodel = M()\nmodel(x)\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse', metrics=['mae'])"
    + fit("y", "validation_data=(x, y)"),
    "custom_train_step": "class M(tf.keras.Model):\n    def train_step(self, data):\n        x, y = data\n        with tf.GradientTape() as tape:\n            p = self(x, training=True)\n            loss = self.compiled_loss(y, p, regularization_losses=self.losses)\n        g = tape.gradient(loss, self.trainable_variables)\n        self.optimizer.apply_gradients(zip([2.0 * v for v in g], self.trainable_variables))\n        self.compiled_metrics.update_state(y, p)\n        return {m.name: m.result() for m in self.metrics}\ni = tf.keras.Input((3,))\nmodel = M(i, tf.keras.layers.Dense(2)(i))\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse', metrics=['mae'])"
    + fit("y", "validation_data=(x, y)"),
    "custom_train_step_own_loss": "class M(tf.keras.Model):\n    def train_step(self, data):\n        x, y = data\n        with tf.GradientTape() as tape:\n            loss = tf.reduce_mean(tf.abs(self(x) - y))\n        g = tape.gradient(loss, self.trainable_variables)\n        self.optimizer.apply_gradients(zip(g, self.trainable_variables))\n        return {'mine': loss}\ni = tf.keras.Input((3,))\nmodel = M(i, tf.keras.layers.Dense(2)(i))\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD})"
    + fit(),
    "custom_test_step": "class M(tf.keras.Model):\n    def test_step(self, data):\n        x, y = data\n        return {'furthest': tf.reduce_max(tf.abs(self(x) - y))}\ni = tf.keras.Input((3,))\nmodel = M(i, tf.keras.layers.Dense(2)(i))\nmodel.set_weights([kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse')\nresult = dict(evaluate=model.evaluate(x, y, batch_size=6, verbose=0), as_dict=model.evaluate(x, y, batch_size=6, verbose=0, return_dict=True))\n",
    "train_on_batch": DENSE
    + f"model.compile({SGD}, 'mse', metrics=['mae'])\nresult = dict(first=model.train_on_batch(x[:5], y[:5]), second=model.train_on_batch(x[5:], y[5:]), kept=model.train_on_batch(x[5:], y[5:], reset_metrics=False), as_dict=model.train_on_batch(x, y, return_dict=True), weighted=model.train_on_batch(x, y, sample_weight=np.linspace(0, 2, 20)), test=model.test_on_batch(x, y), predict=model.predict_on_batch(x[:2]).tolist(), names=model.metrics_names)\n",
    "train_on_batch_class_weight": SOFTMAX
    + f"model.compile({SGD}, 'sparse_categorical_crossentropy', metrics=['accuracy'])\nresult = dict(first=model.train_on_batch(x, labels, class_weight={{0: 1.0, 1: 2.0, 2: 0.5}}), second=model.train_on_batch(x, labels))\n",
    "evaluate_and_predict": SOFTMAX
    + f"model.compile({SGD}, 'sparse_categorical_crossentropy', metrics=['accuracy'])\nresult = dict(evaluate=model.evaluate(x, labels, batch_size=6, verbose=0), weighted=model.evaluate(x, labels, batch_size=6, sample_weight=np.linspace(0, 2, 20), verbose=0), steps=model.evaluate(x, labels, batch_size=6, steps=2, verbose=0), predict=model.predict(x, batch_size=6).tolist())\n",
    "loss_weights_two_outputs": "i = tf.keras.Input((3,))\nmodel = tf.keras.Model(i, [tf.keras.layers.Dense(2, name='a')(i), tf.keras.layers.Dense(3, name='b', activation='softmax')(i)])\nmodel.set_weights([kernel, np.ones(2), kernel3, np.ones(3)])\n"
    + f"model.compile({SGD}, {{'a': 'mse', 'b': 'sparse_categorical_crossentropy'}}, metrics={{'a': 'mae', 'b': ['accuracy']}}, loss_weights={{'a': 0.3, 'b': 2.0}})"
    + fit("{'a': y, 'b': labels}"),
    "two_inputs_by_name": "a, b = tf.keras.Input((3,), name='a'), tf.keras.Input((2,), name='b')\nmodel = tf.keras.Model([a, b], tf.keras.layers.Dense(2)(tf.concat([a, b], 1)))\nmodel.set_weights([np.concatenate([kernel, kernel[:2]]), np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse')\nh = model.fit({{'b': y, 'a': x}}, y, batch_size=6, epochs=2, shuffle=False, verbose=0)\nresult = dict(history=h.history, weights=[v.tolist() for v in model.get_weights()])\n",
    "shared_layer": "i = tf.keras.Input((3,))\nd = tf.keras.layers.Dense(3, activation='tanh')\nmodel = tf.keras.Model(i, tf.keras.layers.Dense(2)(d(d(i))))\nmodel.set_weights([kernel3, np.ones(3), kernel, np.ones(2)])\n"
    + f"model.compile({SGD}, 'mse')"
    + fit(),
    "accuracy_names": "rows = {}\nfor name, loss, units, act, t in [('sparse', 'sparse_categorical_crossentropy', 3, 'softmax', labels), ('one_hot', 'categorical_crossentropy', 3, 'softmax', np.eye(3)[labels]), ('binary', 'binary_crossentropy', 1, 'sigmoid', labels % 2)]:\n    model = tf.keras.Sequential([tf.keras.layers.Dense(units, activation=act, kernel_initializer='ones', input_shape=(3,))])\n    model.compile('sgd', loss, metrics=['accuracy', 'acc', 'crossentropy', 'mse'])\n    rows[name] = model.evaluate(x, t, verbose=0, return_dict=True)\nresult = rows\n",
    "metric_state_across_epochs": SOFTMAX
    + f"model.compile({SGD}, 'sparse_categorical_crossentropy', metrics=[tf.keras.metrics.SparseCategoricalAccuracy(), tf.keras.metrics.SparseCategoricalCrossentropy(name='ce'), tf.keras.metrics.SparseTopKCategoricalAccuracy(2)])"
    + fit("labels"),
    "binary_metrics": "model = tf.keras.Sequential([tf.keras.layers.Dense(1, activation='sigmoid', input_shape=(3,))])\nmodel.set_weights([kernel[:, :1], np.zeros(1)])\n"
    + f"model.compile({SGD}, 'binary_crossentropy', metrics=[tf.keras.metrics.AUC(name='auc'), tf.keras.metrics.Precision(name='p'), tf.keras.metrics.Recall(name='r'), 'binary_accuracy'])"
    + fit("labels % 2"),
    "from_logits": "model = tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(3,))])\nmodel.set_weights([kernel3, np.zeros(3)])\n"
    + f"model.compile({SGD}, tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])"
    + fit("labels"),
    "label_smoothing": SOFTMAX
    + f"model.compile({SGD}, tf.keras.losses.CategoricalCrossentropy(label_smoothing=0.1))"
    + fit("np.eye(3)[labels]"),
    "loss_reduction_sum": DENSE + "model.compile(tf.keras.optimizers.SGD(0.01), tf.keras.losses.MeanSquaredError(reduction='sum'))" + fit(),
    "loss_function_of_the_user": DENSE
    + f"def mine(t, p):\n    return tf.where(p > t, p - t, 3.0 * (t - p))\nmodel.compile({SGD}, mine)"
    + fit(),
    "huber_and_others": "rows = {}\nfor name in ['mae', 'mape', 'msle', 'huber', 'logcosh', 'cosine_similarity', 'hinge', 'squared_hinge', 'kld', 'poisson']:\n"
    + "".join("    " + line + "\n" for line in DENSE.strip().splitlines())
    + f"    model.compile({SGD}, name)\n    rows[name] = [model.train_on_batch(x[i * 4:][:4], np.abs(y[i * 4:][:4])) for i in range(5)]\nresult = rows\n",
    "activations": "rows = {}\nfor name in ['elu', 'exponential', 'gelu', 'hard_sigmoid', 'linear', 'relu', 'selu', 'sigmoid', 'softmax', 'softplus', 'softsign', 'swish', 'tanh']:\n    model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation=name, input_shape=(3,)), tf.keras.layers.Dense(2)])\n    model.set_weights([kernel3, np.zeros(3), kernel, np.zeros(2)])\n"
    + f"    model.compile({SGD}, 'mse')\n    rows[name] = [model.train_on_batch(x[i * 4:][:4], y[i * 4:][:4]) for i in range(5)]\nresult = rows\n",
    "learning_rate_assigned": DENSE
    + f"model.compile({SGD}, 'mse')\nmodel.train_on_batch(x, y)\nmodel.optimizer.lr = 0.5\nmodel.train_on_batch(x, y)\nmodel.optimizer.learning_rate.assign(0.01)\nmodel.train_on_batch(x, y)\ntf.keras.backend.set_value(model.optimizer.lr, 0.3)\nresult = dict(loss=model.train_on_batch(x, y), lr=float(tf.keras.backend.get_value(model.optimizer.lr)), iterations=int(model.optimizer.iterations), weights=[v.tolist() for v in model.get_weights()])\n",
    "float64_model": "tf.keras.backend.set_floatx('float64')\n"
    + DENSE
    + f"model.compile({SGD}, 'mse')"
    + fit()
    + "result['dtype'] = model.weights[0].dtype.name\ntf.keras.backend.set_floatx('float32')\n",
    "batch_hooks": DENSE
    + f"model.compile({SGD}, 'mse', metrics=['mae'])\nseen = []\ncb = tf.keras.callbacks.LambdaCallback(on_epoch_begin=lambda e, logs: seen.append(['epoch_begin', e, sorted(logs)]), on_epoch_end=lambda e, logs: seen.append(['epoch_end', e, dict(logs)]), on_batch_begin=lambda b, logs: seen.append(['batch_begin', b, sorted(logs)]), on_batch_end=lambda b, logs: seen.append(['batch_end', b, dict(logs)]), on_train_begin=lambda logs: seen.append(['train_begin', sorted(logs)]), on_train_end=lambda logs: seen.append(['train_end', sorted(logs)]))\nmodel.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_data=(x, y), callbacks=[cb])\nresult = dict(seen=seen)\n",
    "all_hooks_in_order": DENSE
    + "model.compile('sgd', 'mse')\nseen = []\nclass Log(tf.keras.callbacks.Callback):\n    pass\nfor kind in ['train', 'test', 'predict']:\n    for when in ['begin', 'end']:\n        setattr(Log, f'on_{kind}_{when}', lambda self, logs=None, n=f'{kind}_{when}': seen.append([n, sorted(logs or {})]))\n        setattr(Log, f'on_{kind}_batch_{when}', lambda self, b, logs=None, n=f'{kind}_batch_{when}': seen.append([n, b, sorted(logs or {})]))\nfor when in ['begin', 'end']:\n    setattr(Log, f'on_epoch_{when}', lambda self, e, logs=None, n=f'epoch_{when}': seen.append([n, e, sorted(logs or {})]))\nlog = Log()\nmodel.fit(x, y, batch_size=10, epochs=2, verbose=0, validation_data=(x, y), callbacks=[log])\nmodel.evaluate(x, y, verbose=0, callbacks=[log])\nmodel.predict(x, callbacks=[log])\nresult = dict(seen=seen, params=dict(log.params))\n",
    "stop_training_in_batch": DENSE
    + f"model.compile({SGD}, 'mse')\nclass Stop(tf.keras.callbacks.Callback):\n    def on_train_batch_end(self, batch, logs=None):\n        if batch == 1:\n            self.model.stop_training = True\n"
    + fit("y", "callbacks=[Stop()]"),
    "early_stopping_restores": DENSE
    + "model.compile(tf.keras.optimizers.SGD(2.0), 'mse')"
    + fit("y", "callbacks=[tf.keras.callbacks.EarlyStopping('loss', patience=1, restore_best_weights=True)]"),
    "reduce_lr_on_plateau": DENSE
    + f"model.compile({SGD}, 'mse')"
    + fit("y", "validation_data=(x, y), callbacks=[tf.keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=10.0, factor=0.5)]"),
    "learning_rate_scheduler": DENSE
    + f"model.compile({SGD}, 'mse')"
    + fit("y", "callbacks=[tf.keras.callbacks.LearningRateScheduler(lambda epoch, lr: lr * 0.5)]"),
}
IRIS = """
from sklearn import datasets
x, y = datasets.load_iris().data, datasets.load_iris().target
np.random.seed(116)
np.random.shuffle(x)
np.random.seed(116)
np.random.shuffle(y)
tf.random.set_seed(116)
"""
IRIS_FIT = """
model.compile(optimizer=tf.keras.optimizers.SGD(lr=0.1), loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=False),
              metrics=['sparse_categorical_accuracy'])
h = model.fit(x, y, batch_size=32, epochs=500, validation_split=0.2, validation_freq=20, verbose=0, callbacks=[keep])
"""
TRAJECTORIES: dict[str, str] = {
    "iris_sequential": IRIS
    + "model = tf.keras.models.Sequential([tf.keras.layers.Dense(3, activation='softmax', kernel_regularizer=tf.keras.regularizers.l2())])"
    + IRIS_FIT,
    "iris_class": IRIS
    + "class IrisModel(tf.keras.Model):\n    def __init__(self):\n        super(IrisModel, self).__init__()\n        self.d1 = tf.keras.layers.Dense(3, activation='softmax', kernel_regularizer=tf.keras.regularizers.l2())\n    def call(self, x):\n        return self.d1(x)\nmodel = IrisModel()"
    + IRIS_FIT,
    "digits": """
from sklearn import datasets
images, labels = datasets.load_digits().images / 16.0, datasets.load_digits().target
x, y, xv, yv = images[:1500], labels[:1500], images[1500:], labels[1500:]
tf.random.set_seed(1)
model = tf.keras.models.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(128, activation='relu'), tf.keras.layers.Dense(10, activation='softmax')])
model.compile(optimizer='adam', loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=False), metrics=['sparse_categorical_accuracy'])
h = model.fit(x, y, batch_size=32, epochs=3, validation_data=(xv, yv), validation_freq=1, verbose=0, callbacks=[keep])
""",
}


class Keep(tf.keras.callbacks.Callback):
    """The running mean loss after every batch: the bar's own number, unrounded."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """One more."""
        self.running.append(logs["loss"])


def trajectory(code: str) -> dict[str, Any]:
    """Arrays of one training."""
    tf.keras.backend.clear_session()
    keep = Keep()
    scope: dict[str, Any] = {"tf": tf, "np": np, "keep": keep}
    exec(code, scope)
    made = {name: np.array(v, "float32") for name, v in scope["h"].history.items()}
    made["running_loss"] = np.array(keep.running, "float32")
    made.update({f"end/{i}": v for i, v in enumerate(scope["model"].get_weights())})
    made["x_sum"], made["first_labels"] = np.array(scope["x"].sum()), scope["y"][:10]
    return made


def start_of(code: str) -> dict[str, Any]:
    """The weights with which a training starts: the same program, its fit with learning rate 0."""
    tf.keras.backend.clear_session()
    still = code.replace("SGD(lr=0.1)", "SGD(lr=0.0)").replace("'adam'", "tf.keras.optimizers.SGD(0.0)")
    scope: dict[str, Any] = {"tf": tf, "np": np, "keep": Keep()}
    exec(still.replace("epochs=500", "epochs=1").replace("epochs=3", "epochs=1"), scope)
    return {f"start/{i}": v for i, v in enumerate(scope["model"].get_weights())}


def plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def result_of(code: str) -> dict[str, Any]:
    """The code with its result."""
    tf.keras.backend.clear_session()
    scope: dict[str, Any] = {"tf": tf, "np": np}
    exec(code, scope)
    return {"code": code.lstrip("\n"), "result": plain(scope["result"])}


def main() -> None:
    """Write the three files."""
    rows = {f"optimizer/{n}": DATA + STEPS.replace("OPTIMIZER", o) for n, o in OPTIMIZERS.items()}
    rows.update({n: DATA + code for n, code in OPTIONS.items()})
    made: dict[str, Any] = {}
    for name, code in rows.items():
        try:
            made[name] = result_of(code)
        except Exception as e:
            made[name] = {"code": code.lstrip("\n"), "error": f"{type(e).__name__}: {e}"}
            print(name, made[name]["error"][:2000])
    (HERE / "training.json").write_text(json.dumps(made, indent=None, separators=(",", ":")).replace('},"', '},\n"') + "\n")
    arrays = {f"{n}/{k}": v for n, code in TRAJECTORIES.items() for k, v in {**start_of(code), **trajectory(code)}.items()}
    np.savez_compressed(HERE / "trajectories.npz", **arrays)
    (HERE / "trajectories.json").write_text(json.dumps({n: c.lstrip("\n") for n, c in TRAJECTORIES.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
