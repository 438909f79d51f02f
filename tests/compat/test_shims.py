"""Names, arguments and modules that libraries dropped since 2020 work in a program that runs under Millstream.

Each block is one program: its asserts are the test.
"""

import pytest

from tests.compat.conftest import Run

PROGRAMS = {
    "numpy": """
        import numpy as np
        assert np.float is float and np.int is int and np.object is object and np.str is str and np.complex is complex
        assert np.zeros(2, np.float).dtype == np.float64 and np.ones(2, dtype=np.bool).dtype == bool
        assert np.float_ is np.float64 and np.complex_ is np.complex128 and np.unicode_ is np.str_ and np.string_ is np.bytes_
        assert np.Inf == np.inf == np.infty == np.PINF and np.isnan(np.NaN) and np.NINF == -np.inf
        assert np.asscalar(np.array([3])) == 3
        assert np.product([2, 3]) == 6 and np.cumproduct([2, 3]).tolist() == [2, 6]
        assert np.alltrue([1, 1]) and np.sometrue([0, 1])
        assert np.in1d([[1, 2], [3, 4]], [2, 3]).tolist() == [False, True, True, False]
        assert np.trapz([0, 1, 2]) == 2.0 and np.row_stack([[1], [2]]).shape == (2, 1)
        assert np.msort([[2, 1], [1, 3]]).tolist() == [[1, 1], [2, 3]]
        assert np.asfarray([1, 2]).dtype == np.float64 and np.round_(2.567, 1) == 2.6
        assert np.cast['int32'](2.7) == 2 and isinstance(np.mat('1 2'), np.matrix)
        assert np.VisibleDeprecationWarning and np.find_common_type([np.float32], [np.int64]) is not None
        assert np.issubclass_(np.int32, np.integer) and np.obj2sctype('f4') is np.float32 and np.float64 in np.sctypes['float']
        """,
    "pillow": """
        import numpy as np
        from PIL import Image, ImageDraw, ImageFont
        image = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4))
        assert image.resize((2, 2), Image.ANTIALIAS).size == (2, 2)
        assert (Image.LINEAR, Image.CUBIC) == (Image.BILINEAR, Image.BICUBIC)
        assert image.transpose(Image.FLIP_LEFT_RIGHT).getpixel((0, 0)) == 3
        draw = ImageDraw.Draw(Image.new("RGB", (100, 40)))
        font = ImageFont.load_default()
        width, height = draw.textsize("Millstream", font)
        assert width > 20 and height > 5 and isinstance(width, int)
        assert font.getsize("Millstream")[0] == width
        assert draw.multiline_textsize("a\\nb", font)[1] > height
        """,
    "pandas": """
        import numpy as np
        import pandas as pd
        frame = pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})
        more = frame.append(pd.DataFrame({"a": [5], "b": [6.0]}), ignore_index=True)
        assert more.shape == (3, 2) and more.index.tolist() == [0, 1, 2]
        assert frame.append({"a": 7, "b": 8.0}, ignore_index=True)["a"].tolist() == [1, 2, 7]
        assert frame.append(pd.Series({"a": 9, "b": 1.0}, name=5)).index.tolist() == [0, 1, 5]
        assert pd.Series([1]).append(pd.Series([2])).tolist() == [1, 2]
        try:
            frame.append({"a": 1})
        except TypeError as error:
            assert "ignore_index" in str(error)
        else:
            raise AssertionError
        assert frame.drop("a", 1).columns.tolist() == ["b"] and frame.drop(0).shape == (1, 2)
        assert frame.drop(columns="a").shape == (2, 1) and frame.mean(1).tolist() == [2.0, 3.0] and frame.sum()["a"] == 3
        assert frame.applymap(lambda v: v + 1)["a"].tolist() == [2, 3]
        assert [name for name, _ in frame.iteritems()] == ["a", "b"]
        assert frame.as_matrix().shape == (2, 2) and frame.mad()["a"] == 0.5 and frame["b"].mad() == 0.5
        holes = pd.DataFrame({"a": [1.0, np.nan, 3.0]})
        assert holes.fillna(method="ffill")["a"].tolist() == [1, 1, 3] and holes.fillna(0)["a"].tolist() == [1, 0, 3]
        assert holes["a"].fillna(method="bfill").tolist() == [1, 3, 3]
        open("x.csv", "w").write("1 2\\n3 4\\n")
        assert pd.read_csv("x.csv", delim_whitespace=True, header=None, prefix="c").columns.tolist() == ["c0", "c1"]
        open("y.csv", "w").write("v\\n1\\n2\\n1,2,3\\n")
        assert pd.read_csv("y.csv", squeeze=True, error_bad_lines=False, warn_bad_lines=False).tolist() == [1, 2]
        assert pd.np is np and pd.datetime.now()
        """,
    "matplotlib": """
        import matplotlib.pyplot as plt
        plt.style.use('seaborn-whitegrid')
        plt.style.use('seaborn')
        fig = plt.figure()
        axes = fig.gca(projection='3d')
        assert axes.name == '3d' and fig.gca() is axes
        assert plt.cm.get_cmap('viridis', 5).N == 5 and plt.get_cmap('jet')
        plt.figure()
        assert plt.gca(projection='polar').name == 'polar'
        plt.figure()
        plt.plot([1, 2]); plt.grid(b=True); plt.gca().grid(b=False); plt.hold(True)
        fig.canvas.set_window_title('x')
        """,
    "scipy": """
        import numpy as np
        import scipy.misc
        from scipy.misc import imread, imresize, imsave, toimage
        from scipy import integrate, signal
        picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
        imsave("p.png", picture)
        assert (imread("p.png") == picture).all() and imread("p.png", flatten=True).dtype == np.float32
        assert imresize(picture, (8, 6)).shape == (8, 6, 3) and imresize(picture, 50).shape == (2, 2, 3) and imresize(picture, 2.0).shape == (8, 8, 3)
        assert toimage(picture).size == (4, 4) and scipy.misc.imrotate(picture, 90).shape == (4, 4, 3)
        assert scipy.misc.bytescale(np.array([0.0, 1.0])).tolist() == [0, 255]
        assert scipy.misc.comb(5, 2) == 10 and scipy.misc.factorial(4) == 24
        assert integrate.simps([0, 1, 4], dx=1) > 2.6 and integrate.trapz([0, 1]) == 0.5 and integrate.cumtrapz([0, 1]).tolist() == [0.5]
        assert signal.gaussian(3, 1).shape == signal.hanning(3).shape == (3,)
        """,
    "scikit-learn": """
        import numpy as np
        from sklearn.externals import joblib
        from sklearn.cross_validation import train_test_split
        from sklearn.datasets.samples_generator import make_blobs
        from sklearn.preprocessing import OneHotEncoder, Imputer
        from sklearn.metrics import mean_squared_error
        assert joblib.dump and train_test_split([1, 2, 3, 4], test_size=0.5) and make_blobs(4)[0].shape == (4, 2)
        encoder = OneHotEncoder(sparse=False)
        assert encoder.fit_transform([[1], [2]]).tolist() == [[1, 0], [0, 1]] and len(encoder.get_feature_names()) == 2
        assert mean_squared_error([0, 0], [2, 2]) == 4 and mean_squared_error([0, 0], [2, 2], squared=False) == 2
        assert Imputer(strategy="mean").fit_transform([[1.0], [np.nan], [3.0]]).ravel().tolist() == [1, 2, 3]
        """,
    "h5py": """
        import h5py, numpy as np
        with h5py.File("x.h5", "w") as file:
            file["d"] = np.arange(3)
        assert h5py.File("x.h5", "r")["d"].value.tolist() == [0, 1, 2]
        """,
    "standard library": """
        import base64, collections, fractions, inspect, json, platform, random, sys, threading, time
        import xml.etree.cElementTree as ET
        import imp
        from distutils.version import LooseVersion
        from distutils.util import strtobool
        import distutils.dir_util
        assert issubclass(list, collections.Iterable) and issubclass(dict, collections.Mapping) and collections.OrderedDict
        assert time.clock() <= time.clock() and fractions.gcd(6, 4) == 2
        assert inspect.getargspec(lambda a, b=1: 0) == (["a", "b"], None, None, (1,))
        assert base64.decodestring(base64.encodestring(b"x")) == b"x"
        assert json.loads('{"a": 1}', encoding="utf-8") == {"a": 1}
        assert threading.Thread().isAlive() is False and len(platform.linux_distribution()) == 3
        assert len(random.sample({1, 2, 3}, 2)) == 2
        order = [1, 2, 3]; random.shuffle(order, lambda: 0.0); assert order == [2, 3, 1]
        assert ET.fromstring("<a><b/></a>")[0].tag == "b"
        assert LooseVersion("2.10.1") > LooseVersion("2.4.4") >= "2.4" and LooseVersion("2.4.0") == "2.4.0" and strtobool("Yes") == 1
        assert imp.reload(json) is json and imp.new_module("n").__name__ == "n"
        open("lesson_one.py", "w").write("X = 5")
        assert imp.load_source("lesson", "lesson_one.py").X == 5
        """,
}


@pytest.mark.parametrize("library", PROGRAMS)
def test_library(run: Run, library: str) -> None:
    done = run(PROGRAMS[library])
    assert done.stderr == ""
    assert done.returncode == 0


def test_library_imported_before_is_patched_too(run: Run) -> None:
    done = run("import collections, time\nprint(collections.Iterable.__name__, time.clock() >= 0)")
    assert done.stdout == "Iterable True\n"


def test_nothing_is_imported_for_its_patch(run: Run) -> None:
    done = run("import sys\nprint([n for n in ('pandas', 'matplotlib', 'scipy', 'sklearn', 'PIL', 'h5py') if n in sys.modules])")
    assert done.stdout == "[]\n"


def test_patched_modules_look_as_before(run: Run) -> None:
    done = run("import PIL.Image, json\nprint(type(PIL.Image.__loader__).__name__, type(PIL.Image.__spec__.loader).__name__)")
    assert done.stdout == "SourceFileLoader SourceFileLoader\n"


def test_absent_libraries_stay_absent(run: Run) -> None:
    done = run("try:\n    import sklearn.externals.nothing\nexcept ImportError as error:\n    print(error)")
    assert done.stdout == "No module named 'sklearn.externals.nothing'\n"
