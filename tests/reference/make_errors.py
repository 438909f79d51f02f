"""Make errors.json: what TensorFlow 2.4 raises for the common mistakes (type, first lines of the message).

Run with the Python of an environment that holds TensorFlow 2.4.4:

    python make_errors.py

Millstream's messages are its own; what a test holds to is the type (or a subclass of it), and that an error
comes at all.  Where TensorFlow raises nothing, `error` is null and `value` says what came out.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
MODEL = """
model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation='softmax')])
model.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])
x, y = np.zeros((10, 4), 'float32'), np.zeros(10, 'int64')
"""
OPS = """
tf.constant(1) + 1.5
tf.constant(1) + tf.constant(1.5)
tf.constant(1.5) + 1
tf.constant(1.5) + tf.constant(1)
1.5 + tf.constant(1)
tf.constant(1.0) + tf.constant(1.0, tf.float64)
tf.constant(1.0) + np.float64(1.0)
tf.constant([1.0]) + np.array([1.0])
tf.constant([1.0]) + np.array([1])
tf.constant([1]) + np.array([1.0])
np.array([1.0]) + tf.constant([1.0])
tf.constant(1) + True
tf.constant(1.0) + 'a'
tf.constant(1) + None
tf.constant(1) + tf.constant(1, tf.int64)
tf.constant(1, tf.int64) + 2**40
tf.constant(1) + 2**40
tf.constant(2**31)
tf.constant(2**63)
tf.constant(300, tf.uint8)
tf.constant(-1, tf.uint8)
tf.constant(1.5, tf.int32)
tf.constant('a', tf.int32)
tf.constant(1, tf.string)
tf.constant([1, 'a'])
tf.constant([1, 2.5])
tf.constant([True, 1])
tf.constant(None)
tf.constant([1, None])
tf.constant([[1, 2], [3]])
tf.constant(object())
tf.constant([1, 2, 3], shape=(2, 2))
tf.constant(1, shape=(2, 2))
tf.zeros((2, -1))
tf.zeros('a')
tf.matmul(tf.zeros((2, 3)), tf.zeros((2, 3)))
tf.matmul(tf.zeros((2, 3)), tf.zeros(3))
tf.matmul(tf.zeros((2, 3)), tf.zeros((3, 2), tf.int32))
tf.matmul(tf.zeros((2, 3)), tf.zeros((3, 2), tf.float64))
tf.zeros((2, 3)) @ tf.zeros((2, 3))
tf.zeros((2, 3)) + tf.zeros((2, 2))
tf.zeros((2, 3)) * tf.zeros(4)
tf.add(tf.zeros(2), tf.zeros(3))
tf.reshape(tf.zeros(6), (4, 2))
tf.reshape(tf.zeros(6), (-1, 4))
tf.reshape(tf.zeros(6), (-1, -1))
tf.concat([tf.zeros((2, 3)), tf.zeros((3, 2))], 0)
tf.concat([tf.zeros((2, 3)), tf.zeros((2, 3))], 2)
tf.concat([tf.zeros(2), tf.zeros(2, tf.int32)], 0)
tf.stack([tf.zeros(2), tf.zeros(3)])
tf.transpose(tf.zeros((2, 3)), (0, 2))
tf.transpose(tf.zeros((2, 3)), (0,))
tf.reduce_sum(tf.zeros((2, 3)), axis=2)
tf.reduce_mean(tf.constant(['a']))
tf.squeeze(tf.zeros((2, 1)), 0)
tf.expand_dims(tf.zeros(2), 5)
tf.argmax(tf.zeros((2, 3)), axis=2)
tf.gather(tf.zeros(3), 5)
tf.gather(tf.zeros(3), -1)
tf.gather(tf.zeros(3), 1.0)
tf.one_hot([0.5], 3)
tf.one_hot([5, -1], 3)
tf.one_hot([1], -1)
tf.cast('a', tf.float32)
tf.cast(tf.constant('1'), tf.float32)
tf.cast(tf.zeros(1), 'floaty')
tf.sqrt(4)
tf.sqrt(tf.constant(4))
tf.exp(1)
tf.exp(tf.constant(1))
tf.nn.softmax(tf.constant([1, 2]))
tf.nn.softmax(tf.constant(1.0))
tf.nn.relu('a')
tf.square('a')
tf.square(True)
tf.constant(1) / 0
tf.constant(1.0) / 0
tf.constant(1) // 0
tf.constant(1) % 0
tf.pow(tf.constant(2), -1)
tf.split(tf.zeros(5), 2)
tf.tile(tf.zeros((2, 2)), (2,))
tf.range(0, 10, 0)
tf.range(10, 0)
tf.linspace(0, 1, 3)
tf.fill((-1,), 0)
tf.where([True, False], tf.zeros(2), tf.zeros(3))
tf.boolean_mask(tf.zeros(3), [True, False])
tf.zeros((2, 3))[2]
tf.zeros((2, 3))[0, 3]
tf.zeros((2, 3))[0, 0, 0]
tf.zeros((2, 3))[:, 1.5]
tf.zeros((2, 3))[[0, 1]]
tf.zeros((2, 3))[tf.constant([0, 1])]
tf.zeros((2, 3))[tf.constant([True, False])]
tf.zeros(3)['a']
tf.pad(tf.zeros(3), [[1]])
tf.nn.softmax_cross_entropy_with_logits(labels=tf.zeros((2, 3)), logits=tf.zeros((2, 4)))
tf.nn.softmax_cross_entropy_with_logits(labels=tf.zeros((2, 3), tf.int32), logits=tf.zeros((2, 3)))
tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 3], logits=tf.zeros((2, 3)))
tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, -1], logits=tf.zeros((2, 3)))
tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0.0, 1.0], logits=tf.zeros((2, 3)))
tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 1, 2], logits=tf.zeros((2, 3)))
tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[[0], [1]], logits=tf.zeros((2, 3)))
tf.nn.dropout(tf.zeros(3), 1.5)
tf.nn.dropout(tf.zeros(3), -0.1)
tf.random.uniform((2,), maxval=None, dtype=tf.int32)
tf.random.uniform((2,), 5, 1)
tf.random.normal((2,), dtype=tf.int32)
tf.random.shuffle(tf.constant(1))
tf.Variable()
tf.Variable(None)
tf.Variable(1.0).assign([1.0, 2.0])
tf.Variable([1.0]).assign([1.0, 2.0])
tf.Variable(1.0).assign('a')
tf.Variable(1).assign(1.5)
tf.Variable(1.0).assign(1)
tf.Variable(1.0).assign(tf.constant(1))
tf.Variable(1.0).assign_sub(tf.constant(1.0, tf.float64))
tf.Variable(1.0)[0]
tf.Variable([1.0, 2.0])[0]
tf.constant([1.0, 2.0]).assign(1)
tf.constant(1.0).numpy
tf.math.nothing
tf.nothing
tf.clip_by_value(tf.constant([1.0, 5.0]), 2.0, 1.0)
tf.clip_by_norm([1.0], 'a')
tf.convert_to_tensor([1.0], dtype=tf.int32)
tf.convert_to_tensor(tf.constant(1.0), dtype=tf.int32)
tf.strings.to_number('abc')
tf.ensure_shape(tf.zeros(2), (3,))
tf.debugging.assert_equal(1, 2)
tf.data.Dataset.from_tensor_slices((np.zeros(3), np.zeros(4)))
tf.data.Dataset.from_tensor_slices(np.zeros(3)).batch(0)
tf.data.Dataset.from_tensor_slices([])
tf.data.Dataset.from_tensor_slices(5)
"""
STRINGS = """
model.compile('adamm', 'mse')
model.compile('sgd', 'msee')
model.compile('sgd', 'mse', metrics=['acuracy'])
model.compile('sgd', 'mse', metrics='accuracy')
model.compile(3, 'mse')
model.compile('sgd', 3)
model.compile('sgd', 'mse', metrics=[3])
model.compile('sgd', 'mse', loss_weights='a')
tf.keras.layers.Dense(3, activation='reluu')
tf.keras.layers.Dense(3, kernel_initializer='glorot')
tf.keras.layers.Dense(3, kernel_regularizer='l3')
tf.keras.layers.Dense(3, kernel_constraint='nothing')
tf.keras.layers.Activation('reluu')
tf.keras.optimizers.get('adamm')
tf.keras.losses.get('msee')
tf.keras.metrics.get('acuracy')
tf.keras.activations.get('reluu')
tf.keras.initializers.get('glorot')
tf.keras.layers.Dense('3')
tf.keras.layers.Dense(-1)
tf.keras.layers.Dense(0)
tf.keras.layers.Dense(2.5)
tf.keras.layers.Dense(None)
tf.keras.layers.Dense(3, activaton='relu')
tf.keras.layers.Dropout(1.5)
tf.keras.layers.Dropout(-0.5)
tf.keras.layers.Dropout('a')
tf.keras.optimizers.SGD(-0.1)
tf.keras.optimizers.SGD(momentum=1.5)
tf.keras.optimizers.SGD(learning_rat=0.1)
tf.keras.optimizers.SGD(lr=0.1)
tf.keras.optimizers.SGD(lr=0.1, learning_rate=0.2).lr
tf.keras.optimizers.SGD('a')
tf.keras.optimizers.SGD(clipnorm=-1.0)
tf.keras.optimizers.SGD(clipnorm=1.0, clipvalue=1.0)
tf.keras.optimizers.Adam(beta_1=1.5)
tf.keras.optimizers.Adam(epsilon=None).epsilon
tf.keras.regularizers.l2('a')
tf.keras.losses.SparseCategoricalCrossentropy(reduction='some')
tf.keras.losses.SparseCategoricalCrossentropy()([0, 3], [[.2, .3, .5], [.2, .3, .5]])
tf.keras.losses.SparseCategoricalCrossentropy()([[1., 0., 0.], [0., 1., 0.]], [[.2, .3, .5], [.2, .3, .5]])
tf.keras.losses.SparseCategoricalCrossentropy()([0.0, 1.0], [[.2, .3, .5], [.2, .3, .5]])
tf.keras.losses.SparseCategoricalCrossentropy()([-1, 1], [[.2, .3, .5], [.2, .3, .5]])
tf.keras.losses.CategoricalCrossentropy()([0, 1], [[.2, .3, .5], [.2, .3, .5]])
tf.keras.losses.CategoricalCrossentropy()([[1, 0], [0, 1]], [[.2, .3, .5], [.2, .3, .5]])
tf.keras.losses.MeanSquaredError()([1., 2., 3.], [1., 2.])
tf.keras.losses.MeanSquaredError()('a', [1.])
tf.keras.losses.MeanSquaredError()([1, 2], [1.5, 2.5])
tf.keras.losses.BinaryCrossentropy()([1., 2.], [0.5, 0.5])
tf.keras.utils.to_categorical([0, 5], 3)
tf.keras.utils.to_categorical([-1, 1])
tf.keras.utils.to_categorical([0.7, 1])
"""
LAYERS = """
tf.keras.layers.Dense(3)(np.zeros(4, 'float32'))
tf.keras.layers.Dense(3)(5.0)
tf.keras.layers.Dense(3)('a')
tf.keras.layers.Dense(3)([[1, 2], [3, 4]])
tf.keras.layers.Dense(3)(np.zeros((2, 4)))
tf.keras.layers.Dense(3)(np.zeros((2, 4), 'int32'))
tf.keras.layers.Dense(3)(tf.zeros((2, 4), tf.int32))
tf.keras.layers.Dense(3)()
tf.keras.layers.Dense(3)([tf.zeros((2, 4)), tf.zeros((2, 4))])
tf.keras.layers.Dense(3)(tf.keras.Input((None,)))
tf.keras.layers.Dense(3).kernel
tf.keras.layers.Dense(3).weights
tf.keras.layers.Dense(3).output
tf.keras.layers.Dense(3).input_shape
tf.keras.layers.Dense(3).count_params()
tf.keras.layers.Dense(3).set_weights([np.zeros((4, 3))])
tf.keras.layers.Dense(3, input_shape=4)
tf.keras.layers.Dense(3, input_shape=(4,)).set_weights([])
tf.keras.layers.Flatten()(tf.zeros(3))
tf.keras.layers.Flatten(data_format='first')
tf.keras.layers.Reshape((5,))(tf.zeros((2, 4)))
tf.keras.layers.Concatenate()([tf.zeros((2, 3))])
tf.keras.layers.Concatenate(axis=0)([tf.zeros((2, 3)), tf.zeros((2, 4))])
tf.keras.layers.Add()([tf.zeros((2, 3)), tf.zeros((2, 4))])
tf.keras.layers.Add()([tf.zeros((2, 3))])
tf.keras.layers.Add()(tf.zeros((2, 3)))
tf.keras.Input()
tf.keras.Input(3)
tf.keras.Input((3,), dtype='floaty')
tf.keras.Sequential([3])
tf.keras.Sequential(['a'])
tf.keras.Sequential(tf.keras.layers.Dense(3))
tf.keras.Sequential([tf.keras.layers.Dense])
tf.keras.Sequential([tf.keras.layers.Dense(3), tf.keras.layers.Input((3,))])
tf.keras.Sequential().pop()
tf.keras.Sequential([tf.keras.layers.Dense(3, name='a'), tf.keras.layers.Dense(3, name='a')])
tf.keras.Sequential().fit(np.zeros((2, 3)), np.zeros(2))
tf.keras.Sequential()(np.zeros((2, 3)))
tf.keras.Model(np.zeros(3), np.zeros(3))
tf.keras.Model(tf.keras.Input((3,)), tf.keras.layers.Dense(1)(tf.keras.Input((3,))))
tf.keras.Model()(np.zeros((2, 3)))
tf.keras.Model().fit(np.zeros((2, 3)), np.zeros(2))
tf.keras.Model().build((None, 3))
tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(4,)), tf.keras.layers.Dense(3, input_shape=(5,))])
tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(4,))])(np.zeros((2, 5), 'float32'))
tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(4,))])(np.zeros((4,), 'float32'))
tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(4,))]).predict(np.zeros((2, 5)))
"""
FITS = """
model.fit(x, y[:9])
model.fit(x[:0], y[:0])
model.fit(x)
model.fit()
model.fit(x, None)
model.fit(np.array(['a'] * 10), y)
model.fit(['a'] * 10, y)
model.fit([[1, 2], [3]], y[:2])
model.fit(x.tolist(), y.tolist())
model.fit(list(x), list(y))
model.fit(x, y.tolist())
model.fit(x, list(y))
model.fit(x.tolist(), y)
model.fit(x, y + 3)
model.fit(x, y - 1)
model.fit(x, y.astype('float32'), verbose=0)
model.fit(x, y.astype(str))
model.fit(x, np.eye(3)[y])
model.fit(x, y.reshape(10, 1), verbose=0)
model.fit(x.astype('float64'), y, verbose=0)
model.fit(x.astype('int64'), y, verbose=0)
model.fit(x.astype('uint8'), y, verbose=0)
model.fit(x.astype('bool'), y, verbose=0)
model.fit(x.astype('complex64'), y, verbose=0)
model.fit(x.astype('object'), y, verbose=0)
model.fit(x * np.nan, y, verbose=0)
model.fit(x, y, batch_size=0)
model.fit(x, y, batch_size=-1)
model.fit(x, y, batch_size=2.5, verbose=0)
model.fit(x, y, batch_size='a')
model.fit(x, y, batch_size=100, verbose=0)
model.fit(x, y, epochs=0, verbose=0)
model.fit(x, y, epochs=-1, verbose=0)
model.fit(x, y, epochs=1.5, verbose=0)
model.fit(x, y, epochs='a')
model.fit(x, y, validation_split=1.0)
model.fit(x, y, validation_split=1.5)
model.fit(x, y, validation_split=-0.1)
model.fit(x, y, validation_split=0.01)
model.fit(x, y, validation_split=0.99)
model.fit(x, y, validation_split=0.95, verbose=0)
model.fit(x, y, validation_data=x)
model.fit(x, y, validation_data=(x,))
model.fit(x, y, validation_data=(x, y[:5]))
model.fit(x, y, validation_data=(x[:, :2], y), verbose=0)
model.fit(x, y, validation_data=(x, y), validation_freq=0)
model.fit(x, y, validation_data=(x, y), validation_freq='a', verbose=0)
model.fit(x, y, validation_freq=2, verbose=0)
model.fit(x, y, sample_weight=np.ones(9))
model.fit(x, y, sample_weight=np.ones((10, 2)), verbose=0)
model.fit(x, y, class_weight={0: 1.0})
model.fit(x, y, class_weight={0: 1.0, 1: 2.0, 2: 3.0}, verbose=0)
model.fit(x, y, class_weight={0: 1.0, 2: 3.0})
model.fit(x, y, class_weight=[1.0, 2.0, 3.0])
model.fit(x, y, class_weight={0: 1.0, 1: 2.0, 2: 3.0}, sample_weight=np.ones(10), verbose=0)
model.fit(x, y, steps_per_epoch=0)
model.fit(x, y, steps_per_epoch=100, verbose=0)
model.fit(x, y, steps_per_epoch=-1, verbose=0)
model.fit(x, y, verbose=3)
model.fit(x, y, verbose='a')
model.fit(x, y, callbacks=3)
model.fit(x, y, callbacks=[3], verbose=0)
model.fit(x, y, callbacks=tf.keras.callbacks.Callback(), verbose=0)
model.fit(x, y, callbacks=tf.keras.callbacks.Callback, verbose=0)
model.fit(x, y, initial_epoch=5, verbose=0)
model.fit(x, y, nb_epoch=5)
model.fit(x, y, shuffle='a', verbose=0)
model.fit(x, y, shuffle='batch', verbose=0)
model.fit(x, y, workers=2, use_multiprocessing=True, verbose=0)
model.fit((x, y), verbose=0)
model.fit([x, x], y, verbose=0)
model.fit({'a': x}, y, verbose=0)
model.fit(x, [y, y], verbose=0)
model.fit(x, {'b': y}, verbose=0)
model.fit(tf.constant(x), tf.constant(y), verbose=0)
model.fit(tf.constant(x), y, verbose=0)
model.fit(tf.data.Dataset.from_tensor_slices((x, y)), verbose=0)
model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(2), batch_size=2)
model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(2), y)
model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(2), validation_split=0.2)
model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(2).repeat())
model.fit(5, y)
model.fit(x, 5)
model.fit(x[0], y[0])
model.fit(x.reshape(-1), np.zeros(40))
model.fit(x.reshape(10, 2, 2), y, verbose=0)
model.evaluate(x, y[:9])
model.evaluate(x[:0], y[:0])
model.evaluate(x)
model.predict(x[:0])
model.predict(x[0])
model.predict('a')
model.predict([x, x])
model.predict(None)
model.train_on_batch(x, y[:9])
model.train_on_batch(x[:0], y[:0])
model.test_on_batch(x, y)
model.predict_on_batch(x[0])
model(x[:, :2]); model(x)
model.set_weights([np.zeros((4, 3))])
model.get_layer('nothing')
model.get_layer(index=5)
model.get_layer()
model.save_weights()
model.load_weights('/nothing/here')
"""
PROGRAMS: dict[str, str] = {
    "fit_before_compile": "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\nmodel.fit(np.zeros((4, 2)), np.zeros(4))",
    "evaluate_before_compile": "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\nmodel.evaluate(np.zeros((4, 2)), np.zeros(4))",
    "predict_before_compile": "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\nresult = model.predict(np.zeros((4, 2))).shape",
    "compile_without_loss": "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\nmodel.compile('sgd')\nmodel.fit(np.zeros((4, 2)), np.zeros(4))",
    "compile_nothing": "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\nmodel.compile()\nresult = model.optimizer.__class__.__name__",
    "weights_before_build": "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\nresult = model.weights",
    "get_weights_before_build": "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\nresult = model.get_weights()",
    "trainable_variables_before_build": "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\nresult = model.trainable_variables",
    "count_params_before_build": "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\nresult = model.count_params()",
    "subclass_weights_before_build": "class M(tf.keras.Model):\n    def __init__(self):\n        super().__init__()\n        self.d = tf.keras.layers.Dense(1)\n    def call(self, x):\n        return self.d(x)\nresult = M().weights",
    "subclass_without_super_init": "class M(tf.keras.Model):\n    def __init__(self):\n        self.d = tf.keras.layers.Dense(1)\nM()",
    "subclass_without_call": "class M(tf.keras.Model):\n    pass\nM()(np.zeros((2, 3)))",
    "subclass_call_raises": "class M(tf.keras.Model):\n    def call(self, x):\n        raise ValueError('mine')\nm = M()\nm.compile('sgd', 'mse')\nm.fit(np.zeros((2, 3)), np.zeros(2))",
    "layer_without_super_init": "class L(tf.keras.layers.Layer):\n    def __init__(self):\n        self.a = 1\nL()(np.zeros(2))",
    "labels_logits_mismatch": "model = tf.keras.Sequential([tf.keras.layers.Dense(3)])\nmodel.compile('sgd', 'mse')\nmodel.fit(np.zeros((4, 2)), np.zeros((4, 2)), verbose=0)",
    "categorical_with_int_labels": "model = tf.keras.Sequential([tf.keras.layers.Dense(3)])\nmodel.compile('sgd', 'categorical_crossentropy')\nmodel.fit(np.zeros((4, 2)), np.zeros(4), verbose=0)",
    "categorical_with_wrong_classes": "model = tf.keras.Sequential([tf.keras.layers.Dense(3)])\nmodel.compile('sgd', 'categorical_crossentropy')\nmodel.fit(np.zeros((4, 2)), np.zeros((4, 5)), verbose=0)",
    "binary_with_wrong_shape": "model = tf.keras.Sequential([tf.keras.layers.Dense(3)])\nmodel.compile('sgd', 'binary_crossentropy')\nmodel.fit(np.zeros((4, 2)), np.zeros(4), verbose=0)",
    "changed_input_width": MODEL + "model.fit(x, y, verbose=0)\nmodel.fit(x[:, :2], y, verbose=0)",
    "gradient_twice": "w = tf.Variable(1.0)\nwith tf.GradientTape() as tape:\n    loss = w * w\ntape.gradient(loss, w)\ntape.gradient(loss, w)",
    "gradient_twice_persistent": "w = tf.Variable(1.0)\nwith tf.GradientTape(persistent=True) as tape:\n    loss = w * w\ntape.gradient(loss, w)\nresult = tape.gradient(loss, w).numpy()",
    "gradient_inside": "w = tf.Variable(1.0)\nwith tf.GradientTape() as tape:\n    loss = w * w\n    result = tape.gradient(loss, w).numpy()",
    "gradient_of_unwatched": "x = tf.constant(1.0)\nwith tf.GradientTape() as tape:\n    loss = x * x\nresult = tape.gradient(loss, x)",
    "gradient_unconnected": "w, v = tf.Variable(1.0), tf.Variable(1.0)\nwith tf.GradientTape() as tape:\n    loss = w * w\nresult = tape.gradient(loss, v)",
    "gradient_unconnected_zero": "w, v = tf.Variable(1.0), tf.Variable(1.0)\nwith tf.GradientTape() as tape:\n    loss = w * w\nresult = tape.gradient(loss, v, unconnected_gradients=tf.UnconnectedGradients.ZERO).numpy()",
    "gradient_wrong_unconnected": "w = tf.Variable(1.0)\nwith tf.GradientTape() as tape:\n    loss = w * w\ntape.gradient(loss, w, unconnected_gradients='some')",
    "gradient_of_int": "w = tf.Variable(1)\nwith tf.GradientTape() as tape:\n    loss = w * w\nresult = tape.gradient(loss, w)",
    "gradient_watch_int": "x = tf.constant(1)\nwith tf.GradientTape() as tape:\n    tape.watch(x)\n    loss = x * x\nresult = tape.gradient(loss, x)",
    "gradient_watch_not_tensor": "with tf.GradientTape() as tape:\n    tape.watch(1.0)",
    "gradient_of_python_number": "w = tf.Variable(1.0)\nwith tf.GradientTape() as tape:\n    loss = 3.0\nresult = tape.gradient(loss, w)",
    "gradient_before_with": "tape = tf.GradientTape()\nresult = tape.gradient(tf.constant(1.0), tf.Variable(1.0))",
    "gradient_through_numpy": "w = tf.Variable(1.0)\nwith tf.GradientTape() as tape:\n    loss = tf.constant(w.numpy() * 2)\nresult = tape.gradient(loss, w)",
    "gradient_through_cast": "w = tf.Variable(1.5)\nwith tf.GradientTape() as tape:\n    loss = tf.cast(tf.cast(w, tf.int32), tf.float32)\nresult = tape.gradient(loss, w)",
    "gradient_of_argmax": "w = tf.Variable([1.5, 2.0])\nwith tf.GradientTape() as tape:\n    loss = tf.cast(tf.argmax(w), tf.float32)\nresult = tape.gradient(loss, w)",
    "gradient_after_reassign": "w = tf.Variable(2.0)\nwith tf.GradientTape() as tape:\n    loss = w * w\n    w.assign(5.0)\nresult = tape.gradient(loss, w).numpy()",
    "gradient_loses_variable": "w = tf.Variable(2.0)\nwith tf.GradientTape() as tape:\n    w = w - 1.0\n    loss = w * w\nresult = tape.gradient(loss, w).numpy()",
    "tape_not_watching": "w = tf.Variable(2.0)\nwith tf.GradientTape(watch_accessed_variables=False) as tape:\n    loss = w * w\nresult = tape.gradient(loss, w)",
    "jacobian_shapes": "x = tf.constant([1.0, 2.0])\nwith tf.GradientTape() as tape:\n    tape.watch(x)\n    y = x * x\nresult = tape.jacobian(y, x).numpy().tolist()",
    "apply_none_gradients": "w = tf.Variable(1.0)\ntf.keras.optimizers.SGD().apply_gradients([(None, w)])",
    "apply_some_none_gradients": "w, v = tf.Variable(1.0), tf.Variable(1.0)\ntf.keras.optimizers.SGD(0.5).apply_gradients([(None, w), (tf.constant(1.0), v)])\nresult = [w.numpy(), v.numpy()]",
    "apply_empty_gradients": "tf.keras.optimizers.SGD().apply_gradients([])",
    "apply_wrong_shape": "w = tf.Variable([1.0, 2.0])\ntf.keras.optimizers.SGD().apply_gradients([(tf.constant([1.0]), w)])",
    "minimize_not_callable": "w = tf.Variable(1.0)\ntf.keras.optimizers.SGD().minimize(w * w, [w])",
    "minimize": "w = tf.Variable(1.0)\ntf.keras.optimizers.SGD(0.1).minimize(lambda: w * w, [w])\nresult = w.numpy()",
    "if_tensor": "result = 'yes' if tf.constant(True) else 'no'",
    "if_several": "result = 'yes' if tf.constant([True, False]) else 'no'",
    "if_symbolic": "i = tf.keras.Input((3,))\nresult = 'yes' if i else 'no'",
    "numpy_of_symbolic": "i = tf.keras.Input((3,))\nnp.sqrt(i)",
    "numpy_method_of_symbolic": "i = tf.keras.Input((3,))\ni.numpy()",
    "item_assignment": "t = tf.zeros(3)\nt[0] = 1",
    "variable_item_assignment": "t = tf.Variable([1.0, 2.0])\nt[0] = 5.0",
    "variable_rank_change": "w = tf.Variable(tf.zeros((2, 2)))\nw.assign(tf.zeros((4,)))",
    "unlabeled_one_hot_accuracy": "m = tf.keras.metrics.Accuracy()\nm.update_state([0, 1], [0, 1, 2])",
    "metric_wrong_rank": "m = tf.keras.metrics.SparseCategoricalAccuracy()\nm.update_state([0, 1, 2], [[.1, .9], [.5, .5]])",
    "early_stopping_wrong_monitor": MODEL + "model.fit(x, y, verbose=0, callbacks=[tf.keras.callbacks.EarlyStopping('val_los')])",
    "early_stopping_wrong_mode": "result = tf.keras.callbacks.EarlyStopping(mode='most').monitor_op.__name__",
    "set_seed_wrong": "tf.random.set_seed('a')",
    "set_seed_float": "tf.random.set_seed(1.5)\nresult = tf.random.uniform(()).numpy()",
}


def message(error: BaseException) -> str:
    """First eight lines (of an error inside a traced step, the last four), without addresses and folders."""
    every = [line for line in str(error).splitlines() if line.strip()]
    lines = "\n".join(every[-4:] if every[:1] == ["in user code:"] else every[:8])
    return re.sub("/[^ :\n]*/", ".../", re.sub("0x[0-9a-f]+", "0x...", lines))[:700]


def attempt(setup: str, code: str, *, expression: bool) -> dict[str, Any]:
    """What the code raises, or what came out."""
    tf.keras.backend.clear_session()
    tf.random.set_seed(1)
    scope: dict[str, Any] = {"tf": tf, "np": np}
    try:
        exec(setup, scope)
        if expression and "; " not in code:
            scope["result"] = eval(code, scope)
        else:
            exec(code, scope)
    except BaseException as e:
        kinds = [c.__name__ for c in type(e).__mro__ if c not in (object, BaseException)]
        return {"error": kinds[0], "bases": kinds[1:], "message": message(e)}
    return {"error": None, "value": re.sub("0x[0-9a-f]+", "0x...", repr(scope.get("result")))[:300]}


def main() -> None:
    """Write errors.json: group -> [{code, error, ...}]; `setup` of a group runs before each of its lines."""
    groups = {"ops": ("", OPS), "strings": (MODEL, STRINGS), "layers": ("", LAYERS), "fit": (MODEL, FITS)}
    made: dict[str, Any] = {}
    for name, (setup, text) in groups.items():
        cases = [{"code": c, **attempt(setup, c, expression=True)} for c in text.strip().splitlines()]
        made[name] = {"setup": setup.lstrip("\n"), "cases": cases}
    made["programs"] = {
        "setup": "",
        "cases": [{"name": n, "code": c.lstrip("\n"), **attempt("", c, expression=False)} for n, c in PROGRAMS.items()],
    }
    (HERE / "errors.json").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
