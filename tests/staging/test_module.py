"""tf.Module: names, and the order in which variables and modules are found."""

import pytest

import millstream as tf


class Dense(tf.Module):
    def __init__(self, name=None):
        super().__init__(name=name)
        with self.name_scope:
            self.w = tf.Variable(1.0, name="w")
            self.b = tf.Variable(0.0, name="b", trainable=False)

    @tf.Module.with_name_scope
    def late(self):
        return tf.Variable(0.0, name="late")


class Net(tf.Module):
    def __init__(self):
        super().__init__()
        self.layers = [Dense("one"), Dense("two")]
        self.extra = {"z": tf.Variable(3.0), "a": tf.Variable(2.0)}
        self.again = self.layers[0]


def test_variables_come_by_attribute_name_and_level():
    net = Net()
    assert [float(v) for v in net.variables] == [2.0, 3.0, 0.0, 1.0, 0.0, 1.0]
    assert [float(v) for v in net.trainable_variables] == [2.0, 3.0, 1.0, 1.0]
    assert net.submodules == (net.layers[0], net.layers[1])


def test_names():
    dense = Dense()
    assert (dense.name, dense.w.name, dense.late().name) == ("dense", "dense/w:0", "dense/late:0")

    class HTTPServer2(tf.Module):
        pass

    assert HTTPServer2().name == "http_server2"
    with pytest.raises(ValueError, match="is not a valid module name"):
        tf.Module(name="not a name")


def test_variables_of_layers_inside():
    module = tf.Module()
    module.layer = tf.keras.layers.Dense(2)
    module.layer(tf.ones([1, 3]))
    assert [v.name for v in module.trainable_variables] == [v.name for v in module.layer.trainable_variables]
