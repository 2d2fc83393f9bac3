import imgnmf

images = imgnmf.load_dataset("lfw-faces")
study = imgnmf.factorize_ranks(images.V, [4, 9, 16, 25, 49], max_iter=2000)
for row in study.table():
    percent = 100 * row.relative_error
    print(f"k = {row.rank:<3} error {percent:5.1f} %   {row.iterations:4} iterations")

few = [7, 12, 40]
by_rank = {k: images.stack(study[k].W @ study[k].H[:, few]) for k in study.ranks}
figure = imgnmf.viz.reconstructions(images.pixels[few], by_rank)
imgnmf.viz.save_figure("face_ranks.png", figure)
