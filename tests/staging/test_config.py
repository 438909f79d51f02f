"""The switches that programs of the era call before they begin."""

import pytest

import millstream as tf


def test_the_usual_beginnings_run():
    gpus = tf.config.experimental.list_physical_devices("GPU")
    assert gpus == tf.config.list_physical_devices("GPU") == []
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.set_soft_device_placement(True)
    assert tf.config.get_soft_device_placement() is True
    tf.config.set_visible_devices([], "GPU")
    config = tf.compat.v1.ConfigProto()
    config.gpu_options.allow_growth = True
    tf.compat.v1.Session(config=config)
    tf.autograph.set_verbosity(0)
    with tf.device("/GPU:0"):
        assert int(tf.constant(1) + 1) == 2
    assert not tf.test.is_gpu_available()
    assert not tf.test.is_built_with_cuda()
    assert [d.name for d in tf.config.list_physical_devices()] == ["/physical_device:CPU:0"]


def test_graph_mode_is_refused_in_words():
    with pytest.raises(NotImplementedError, match="runs TensorFlow 2 programs"):
        tf.compat.v1.disable_eager_execution()
    with pytest.raises(NotImplementedError, match="Session.run"):
        tf.compat.v1.Session().run([])
    with pytest.raises(ValueError, match="Unrecognized device"):
        tf.config.set_visible_devices("GPU:0")
